//! The cut through one mesh's tree of groups: the coarsest clusters whose error stays below the permitted one.

use glam::{Vec3, Vec3A};
use remora_asset::layout::{ClusterRecord, MeshRecord, NONE};

use super::{ENTRIES_MAX, SelectedCluster, SelectionChunk, SelectionLimits};
use crate::kernels::shared::ENTRY_MIRRORED;
use crate::residency::pages::{FrameNumber, PageId, PageRequest};
use crate::residency::selectable::{SelectableInstance, SelectableModel};
use crate::surface::{DrawKey, DrawMode, Phase};
use crate::view::{Sphere, View};

/// The state of one cut.
pub(super) struct Cut<'a> {
    pub(super) view: &'a View,
    pub(super) limits: SelectionLimits,
    pub(super) keys: &'a [DrawKey],
    pub(super) frame: FrameNumber,
    pub(super) chunk: &'a mut SelectionChunk,
}

/// An instance in the view.
struct InstanceView<'a> {
    instance: &'a SelectableInstance,
    view: &'a View,
    /// Permitted error in metres at a distance of one metre.
    allowed: f32,
}

impl InstanceView<'_> {
    fn to_world(&self, center: [f32; 3], radius: f32) -> (Vec3A, f32) {
        (self.instance.world.transform_point3a(center.into()), radius * self.instance.scale_max)
    }

    fn nearest(&self, center: Vec3A, radius: f32) -> f32 {
        (center.distance(self.view.eye) - radius).max(self.view.near)
    }

    fn exceeds(&self, center: [f32; 3], radius: f32, error: f32) -> bool {
        let (center, radius) = self.to_world(center, radius);
        error * self.instance.scale_max > self.allowed * self.nearest(center, radius)
    }

    /// Returns whether anything within the sphere, with at most this error, may exceed the permitted one. Returns
    /// `true` in doubt, with a margin for rounding.
    fn may_exceed(&self, center: [f32; 3], radius: f32, error: f32) -> bool {
        let (center, radius) = self.to_world(center, radius);
        let slack = rounding(self.instance, self.view, center);
        error * self.instance.scale_max * 1.00001 > self.allowed * self.nearest(center, radius * 1.00001 + slack)
    }

    fn pixels(&self, center: [f32; 3], radius: f32, error: f32) -> f32 {
        let (center, radius) = self.to_world(center, radius);
        error * self.instance.scale_max * self.view.pixels_per_tangent / self.nearest(center, radius)
    }
}

impl Cut<'_> {
    pub(super) fn select(
        &mut self,
        index: u32,
        instance: &SelectableInstance,
        mode: DrawMode,
        model: &SelectableModel,
    ) {
        let SelectableModel { asset, pages, locations, surfaces, .. } = model;
        let mesh: &MeshRecord = &asset.meshes()[instance.mesh as usize];
        let view = self.view;
        let seen = InstanceView { instance, view, allowed: self.limits.error_pixels / view.pixels_per_tangent };
        let bounds = mesh.bounds();
        if bounds.is_empty() {
            return;
        }
        let (center, radius) = seen.to_world(bounds.center().into(), bounds.radius());
        if !view.sees(center, radius) {
            return;
        }
        let (tree, groups, clusters, records) = (asset.tree(), asset.groups(), asset.clusters(), asset.pages());
        let local_eye = local_eye(instance, view);
        self.chunk.open.clear();
        self.chunk.open.extend(mesh.tree_first..mesh.tree_first + mesh.tree_roots);
        while let Some(number) = self.chunk.open.pop() {
            let node = &tree[number as usize];
            if !seen.may_exceed(node.center, node.radius, node.error) {
                continue;
            }
            // A level that consists of one group is as large as the mesh, which is in the view.
            let is_whole = number < mesh.tree_first + mesh.tree_roots && node.count == 0;
            if !is_whole {
                let (center, radius) = seen.to_world(node.center, node.radius);
                if !view.sees(center, radius) {
                    continue;
                }
            }
            if node.count > 0 {
                self.chunk.open.extend(node.first..node.first + node.count);
                continue;
            }
            // The cluster loop below asks the same question, and both answers must agree.
            let group = &groups[node.first as usize];
            if !seen.exceeds(group.center, group.radius, group.error) {
                continue;
            }
            let location = match locations[group.page as usize] {
                Some(location) if pages.is_usable(group.page) => location,
                _ => {
                    let error_pixels = seen.pixels(group.center, group.radius, group.error);
                    let page = PageId { model: instance.model as usize, page: group.page };
                    self.chunk.wanted.push(PageRequest { page, error_pixels });
                    continue;
                }
            };
            pages.touch(group.page, self.frame);
            let first = location.first + (group.cluster_first - records[group.page as usize].cluster_first);
            let keys = model.keys_of(mode, location.bank);
            let own = &clusters[group.cluster_first as usize..][..group.cluster_count as usize];
            // Clusters that replace the same group are adjacent.
            let mut last = (NONE, false);
            for (number, cluster) in (first..).zip(own) {
                if cluster.refined != NONE {
                    if last.0 != cluster.refined {
                        let finer = &groups[cluster.refined as usize];
                        let refined =
                            pages.is_usable(finer.page) && seen.exceeds(finer.center, finer.radius, finer.error);
                        last = (cluster.refined, refined);
                    }
                    if last.1 {
                        continue;
                    }
                }
                let surface = if cluster.material == NONE { surfaces.len() - 1 } else { cluster.material as usize };
                let key = keys[surface];
                let double_sided = surfaces[surface].double_sided;
                self.add(index, &seen, cluster, number, key, if double_sided { None } else { local_eye });
            }
        }
    }

    /// Adds a cluster of the cut unless it is certainly invisible; `eye` is given if the cluster has an invisible back.
    fn add(
        &mut self,
        index: u32,
        seen: &InstanceView<'_>,
        cluster: &ClusterRecord,
        number: u32,
        key: u32,
        eye: Option<Vec3>,
    ) {
        let (instance, view) = (seen.instance, self.view);
        let is_points = cluster.triangles == 0;
        // Points are discs. Half of the width is their radius, and the other half covers the rounding of positions to
        // the grid.
        let (center, radius) = seen.to_world(cluster.center, cluster.radius + cluster.width);
        if !view.sees(center, radius) || turned_away(cluster, eye) {
            return;
        }
        let blended = self.keys[key as usize].phase == Phase::Blend;
        if blended && !self.limits.blended || self.chunk.count == ENTRIES_MAX {
            return;
        }
        let sphere = sphere(instance, view, center, radius);
        let chunk = &mut *self.chunk;
        chunk.count += 1;
        if blended { &mut chunk.blended_bounds } else { &mut chunk.solid_bounds }.include(view, sphere);
        let large = !is_points && view.diameter_pixels(center, radius) > self.limits.small_pixels;
        chunk.found[key as usize][usize::from(large)].push(SelectedCluster {
            instance: index | if instance.mirrored { ENTRY_MIRRORED } else { 0 },
            cluster: number,
            triangles: u32::from(if is_points { cluster.vertices } else { cluster.triangles }),
            distance: center.distance(view.eye),
            sphere,
        });
    }
}

/// Returns the bounding sphere of a cluster. The radius has a margin, because kernels compute positions in another
/// order.
fn sphere(instance: &SelectableInstance, view: &View, center: Vec3A, radius: f32) -> Sphere {
    Sphere::new(center - view.eye, radius * 1.001 + rounding(instance, view, center))
}

/// Returns the rounding error of a distance from the eye in metres.
fn rounding(instance: &SelectableInstance, view: &View, center: Vec3A) -> f32 {
    let extent = center.abs() + view.eye.abs() + instance.world.translation.abs();
    extent.max_element() * 2e-6
}

/// Returns the eye in the coordinates of the mesh, or `None` if the transform does not preserve angles and normal cones
/// are invalid.
fn local_eye(instance: &SelectableInstance, view: &View) -> Option<Vec3> {
    // A scale of zero has no inverse.
    (instance.uniform && instance.scale_max > 0.0)
        .then(|| Vec3::from(instance.world.inverse().transform_point3a(view.eye)))
}

fn turned_away(cluster: &ClusterRecord, local_eye: Option<Vec3>) -> bool {
    match local_eye {
        Some(eye) if cluster.cone_cutoff < 1.0 => {
            let toward = Vec3::from(cluster.cone_apex) - eye;
            toward.dot(cluster.cone_axis.into()) >= cluster.cone_cutoff * toward.length()
        }
        _ => false,
    }
}
