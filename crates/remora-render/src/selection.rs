//! What is drawn in a frame: a cut through each mesh's levels of detail, as fine as pixels can show. Pure.
//!
//! ```text
//!   instances ─┬─ in the view? ─ tree ─┬─ error too large? ─ groups ─┬─ on the device? ─┬─ finer ones not drawn? ─▶ entries
//!              └─ hidden               └─ fine enough                └─ wanted          └─ outside, turned away
//! ```
//!
//! A group is refined if its error, in pixels, is more than is allowed and its page is usable; what is drawn are the
//! clusters of refined groups that stand for groups which are not (`remora_assets::detail`). A group that should be
//! refined and cannot be yet is wanted, and what stands for it is drawn.
//!
//! An entry is a pair of instance and cluster; its number times 128 plus the triangle's is the id that the
//! visibility buffer holds. Runs are entries that one kernel shades; batches are entries that one dispatch
//! rasterises, a workgroup each. What the frame before hid is numbered like everything else, but put off: the device
//! draws it only if it is not hidden in this frame too.

use std::ops::Range;

use glam::{Affine3A, DVec3, Vec3, Vec3A, Vec4};
use remora_assets::asset::Asset;
use remora_assets::asset::layout::{ClusterRecord, MeshRecord, NONE};

use crate::frame::{Camera, Size};
use crate::horizon::{Horizon, Outlook, Sphere};
use crate::prepare::{Shading, Surface};
use crate::residency::{FrameNumber, PageOf, Pages, Wish};

/// Entries are numbered within 25 bits; 0 is nothing.
pub(crate) const ENTRIES_MAX: usize = (1 << 25) - 1;

/// When a triangle is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Opaque,
    /// Its alpha decides whether it covers a sample.
    Mask,
    /// In front of what is opaque, layer by layer.
    Blend,
}

/// Clusters with the same key are drawn and shaded by the same kernels with the same bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub phase: Phase,
    pub bank: u8,
    pub shading: Shading,
}

/// A model of which instances are drawn.
#[derive(Debug)]
pub(crate) struct SelectableModel {
    pub asset: Asset,
    pub pages: Pages,
    /// Of each page that is on the device.
    pub places: Vec<Option<PagePlace>>,
    /// Of each material; the last is that of points.
    pub surfaces: Vec<Surface>,
    /// Indices into the keys: those of all surfaces in one bank, bank by bank.
    pub keys: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PagePlace {
    pub bank: u8,
    /// The number on the device of its first cluster.
    pub first: u32,
}

/// A page of the model of that index.
pub(crate) type Wanted = Wish<usize>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectableInstance {
    /// Index into the models.
    pub model: u32,
    pub mesh: u32,
    pub visible: bool,
    pub world: Affine3A,
    /// Longest column of the transform: no distance within the mesh grows by more.
    pub scale_max: f32,
    /// All columns are equally long and at right angles, so that angles keep.
    pub uniform: bool,
    /// Turns what runs anticlockwise around.
    pub mirrored: bool,
}

impl SelectableInstance {
    pub(crate) fn new(model: u32, mesh: u32, visible: bool, world: Affine3A) -> Self {
        let [x, y, z] = [world.matrix3.x_axis, world.matrix3.y_axis, world.matrix3.z_axis];
        let lengths = [x.length_squared(), y.length_squared(), z.length_squared()];
        let longest = lengths.into_iter().fold(0.0, f32::max);
        // The Frobenius norm bounds the growth of any distance; the longest column does where columns are at
        // right angles.
        let skew = x.dot(y).abs().max(y.dot(z).abs()).max(z.dot(x).abs());
        let orthogonal = skew <= longest * 1e-4;
        let scale_max = if orthogonal { longest.sqrt() } else { lengths.iter().sum::<f32>().sqrt() };
        let shortest = lengths.into_iter().fold(f32::INFINITY, f32::min);
        let uniform = orthogonal && longest - shortest <= longest * 1e-3;
        Self { model, mesh, visible, world, scale_max, uniform, mirrored: world.matrix3.determinant() < 0.0 }
    }
}

/// What a view can see, and how large it sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub eye: Vec3A,
    /// Normals point inwards; a point is inside where `normal · point + distance >= 0`. Near, then the four sides.
    planes: [Vec4; 5],
    pub right: Vec3A,
    pub up: Vec3A,
    pub forward: Vec3A,
    pub near: f32,
    /// Pixels that one metre takes at a distance of one metre.
    pub pixels_per_tangent: f32,
    pub size: Size,
}

/// Entries of one key, all in one piece.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub key: Key,
    pub entries: Range<u32>,
}

/// Entries of one key for one dispatch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub key: Key,
    /// What is drawn at once, in [`Selection::numbers`].
    pub chosen: Range<u32>,
    /// What is not, in [`Selection::candidates`].
    pub deferred: Range<u32>,
    /// Number among the batches that have any.
    pub deferring: u32,
    /// Nothing in it is for the queue.
    pub small: bool,
    /// The queue must be drawn before the next batch, which could overfill it or needs other bindings.
    pub flush: bool,
}

/// The result; kept from frame to frame so that nothing is allocated while the scene stays.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Instance, with a bit for mirrored ones, and cluster on the device. The first is a blank.
    pub entries: Vec<[u32; 2]>,
    pub runs: Vec<Run>,
    pub batches: Vec<Batch>,
    /// Entries that are drawn at once, batch by batch.
    pub numbers: Vec<u32>,
    /// Entries that were hidden a frame ago, batch by batch.
    pub candidates: Vec<Candidate>,
    /// Of the entries that are drawn at once; points count as triangles.
    pub triangles: u64,
    /// Of those, points.
    pub points: u64,
    /// Groups that should have been refined and were not on the device.
    pub wanted: Vec<Wanted>,
    /// Counts frames.
    pub frame: FrameNumber,
    /// Entries that are not blended.
    pub solid: u32,
    /// Per key, first what is small, then what is large.
    found: Vec<[Vec<Found>; 2]>,
    /// Tree nodes that are still to be looked at.
    open: Vec<u32>,
}

/// Bit of an entry's first word.
const MIRRORED: u32 = 1 << 31;
/// The other bits: the instance.
pub(crate) const INSTANCE_MASK: u32 = MIRRORED - 1;

#[derive(Clone, Copy, Debug)]
struct Found {
    instance: u32,
    cluster: u32,
    triangles: u32,
    distance: f32,
    /// Around it in the world, relative to the eye, with room for what rounding may cost.
    sphere: Sphere,
}

/// An entry that is drawn only if the device does not find it hidden, as cull.wgsl reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Candidate {
    pub sphere: Sphere,
    pub number: u32,
    /// Among the batches that have candidates.
    pub batch: u32,
    /// First candidate of the batch.
    pub first: u32,
    pub triangles: u32,
}

impl View {
    /// `origin` is where the world's coordinates begin for the device.
    pub(crate) fn new(camera: &Camera, origin: DVec3, size: Size) -> Self {
        let eye = (camera.position - origin).as_vec3();
        let rotation = camera.orientation.normalize();
        let tangent_y = (camera.vertical_field_of_view * 0.5).tan();
        let tangent_x = tangent_y * size.aspect();
        let forward = rotation * Vec3::NEG_Z;
        let (right, up) = (rotation * Vec3::X, rotation * Vec3::Y);
        let through_eye = |normal: Vec3| {
            let normal = normal.normalize();
            normal.extend(-normal.dot(eye))
        };
        let near = forward.extend(-forward.dot(eye) - camera.near);
        let planes = [
            near,
            through_eye(forward * tangent_x + right),
            through_eye(forward * tangent_x - right),
            through_eye(forward * tangent_y + up),
            through_eye(forward * tangent_y - up),
        ];
        Self {
            eye: eye.into(),
            planes,
            right: right.into(),
            up: up.into(),
            forward: forward.into(),
            near: camera.near,
            pixels_per_tangent: size.height as f32 * 0.5 / tangent_y,
            size,
        }
    }

    fn sees(&self, center: Vec3A, radius: f32) -> bool {
        self.planes.iter().all(|plane| Vec3A::from_vec4(*plane).dot(center) + plane.w >= -radius)
    }

    /// Upper bound of the diameter in pixels; infinite where the sphere reaches the near plane.
    fn diameter_pixels(&self, center: Vec3A, radius: f32) -> f32 {
        let from_eye = center - self.eye;
        let depth = from_eye.dot(self.forward) - radius;
        if depth <= self.near {
            return f32::INFINITY;
        }
        // Towards the sides of a wide view a sphere is seen stretched by up to its distance over its depth.
        2.0 * radius * self.pixels_per_tangent / depth * (from_eye.length() + radius) / depth
    }
}

/// What a frame may show and cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectionLimits {
    /// What simplified geometry may differ by, on the screen.
    pub error_pixels: f32,
    /// Blended surfaces are wanted.
    pub blended: bool,
    /// Clusters up to so many pixels hold no triangle for the queue.
    pub small_pixels: f32,
    /// Records in the queue of large triangles.
    pub queue_length: u32,
}

impl Selection {
    /// Selects for a view. What `horizon` hides is put off.
    pub(crate) fn select(
        &mut self,
        keys: &[Key],
        models: &mut [SelectableModel],
        instances: &[SelectableInstance],
        view: &View,
        limits: SelectionLimits,
        horizon: Option<&Horizon>,
    ) {
        let mut found = std::mem::take(&mut self.found);
        found.iter_mut().flatten().for_each(Vec::clear);
        found.resize_with(keys.len(), Default::default);
        self.wanted.clear();
        self.frame += 1;
        let mut cut = Cut {
            view,
            limits,
            keys,
            frame: self.frame,
            found: &mut found,
            wanted: &mut self.wanted,
            open: &mut self.open,
            count: 0,
        };
        for (index, instance) in (0..).zip(instances).filter(|(_, instance)| instance.visible) {
            cut.through(index, instance, &mut models[instance.model as usize]);
        }
        // What is near hides what is far, but only large triangles are worth asking.
        for [_, large] in &mut found {
            large.sort_by(|one, other| one.distance.total_cmp(&other.distance));
        }
        let horizon = horizon.map(|horizon| horizon.from(view.eye));
        self.arrange(keys, &found, limits.queue_length, horizon.as_ref());
        self.found = found;
    }

    /// Numbers what was found, key by key.
    fn arrange(&mut self, keys: &[Key], found: &[[Vec<Found>; 2]], queue_length: u32, horizon: Option<&Outlook<'_>>) {
        self.numbers.clear();
        self.candidates.clear();
        self.solid = 0;
        self.entries.clear();
        self.entries.push([0, 0]);
        self.runs.clear();
        self.batches.clear();
        self.triangles = 0;
        self.points = 0;
        let mut queued = 0;
        let mut deferring = 0;
        for (key, [small, large]) in keys.iter().zip(found) {
            if small.is_empty() && large.is_empty() {
                continue;
            }
            // What is queued by a masked triangle can only be drawn with the bindings of its key.
            let together = |last: &Batch| last.key.phase == key.phase && key.phase != Phase::Mask;
            if self.batches.last().is_some_and(|last| !together(last)) {
                self.flush(&mut queued);
            }
            let first = self.entries.len() as u32;
            // What is blended is seen in front of everything, and not worth asking.
            let horizon = horizon.filter(|_| key.phase != Phase::Blend);
            self.number_batch(*key, small, true, horizon, &mut deferring);
            let mut piece = 0;
            for (index, one) in large.iter().enumerate() {
                if queued + one.triangles > queue_length {
                    self.number_batch(*key, &large[piece..index], false, horizon, &mut deferring);
                    self.flush(&mut queued);
                    piece = index;
                }
                queued += one.triangles;
            }
            self.number_batch(*key, &large[piece..], false, horizon, &mut deferring);
            let entries = first..self.entries.len() as u32;
            if key.phase != Phase::Blend {
                self.solid += entries.len() as u32;
            }
            self.runs.push(Run { key: *key, entries });
        }
        self.flush(&mut queued);
    }

    /// `deferring` counts batches with candidates.
    fn number_batch(
        &mut self,
        key: Key,
        found: &[Found],
        small: bool,
        horizon: Option<&Outlook<'_>>,
        deferring: &mut u32,
    ) {
        if found.is_empty() {
            return;
        }
        let (chosen, deferred) = (self.numbers.len() as u32, self.candidates.len() as u32);
        for one in interleaved(found) {
            let number = self.entries.len() as u32;
            self.entries.push([one.instance, one.cluster]);
            if horizon.is_some_and(|horizon| horizon.hides(one.sphere)) {
                let (sphere, triangles) = (one.sphere, one.triangles);
                self.candidates.push(Candidate { sphere, number, batch: *deferring, first: deferred, triangles });
            } else {
                self.numbers.push(number);
                self.triangles += u64::from(one.triangles);
                self.points += if key.shading == Shading::Points { one.triangles.into() } else { 0 };
            }
        }
        let batch = Batch {
            key,
            chosen: chosen..self.numbers.len() as u32,
            deferred: deferred..self.candidates.len() as u32,
            deferring: *deferring,
            small,
            flush: false,
        };
        *deferring += u32::from(!batch.deferred.is_empty());
        self.batches.push(batch);
    }

    fn flush(&mut self, queued: &mut u32) {
        *queued = 0;
        if let Some(last) = self.batches.last_mut() {
            last.flush = true;
        }
    }

    pub(crate) fn runs_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Run> + Clone {
        self.runs.iter().filter(move |run| phases.contains(&run.key.phase))
    }

    /// Batches with candidates.
    pub(crate) fn deferring_batches(&self) -> u32 {
        self.candidates.last().map_or(0, |last| last.batch + 1)
    }

    pub(crate) fn batches_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(move |batch| phases.contains(&batch.key.phase))
    }
}

/// A cut that is being found.
struct Cut<'a> {
    view: &'a View,
    limits: SelectionLimits,
    keys: &'a [Key],
    frame: FrameNumber,
    found: &'a mut [[Vec<Found>; 2]],
    wanted: &'a mut Vec<Wanted>,
    open: &'a mut Vec<u32>,
    count: usize,
}

/// One instance as the view sees it.
struct Seen<'a> {
    instance: &'a SelectableInstance,
    view: &'a View,
    /// Metres of error that are allowed at a distance of one metre.
    allowed: f32,
}

impl Seen<'_> {
    fn place(&self, center: [f32; 3], radius: f32) -> (Vec3A, f32) {
        (self.instance.world.transform_point3a(center.into()), radius * self.instance.scale_max)
    }

    fn nearest(&self, center: Vec3A, radius: f32) -> f32 {
        (center.distance(self.view.eye) - radius).max(self.view.near)
    }

    fn exceeds(&self, center: [f32; 3], radius: f32, error: f32) -> bool {
        let (center, radius) = self.place(center, radius);
        error * self.instance.scale_max > self.allowed * self.nearest(center, radius)
    }

    /// Whether anything within the sphere, of no larger error, may exceed: `true` in doubt, with room for what rounding
    /// may cost.
    fn may_exceed(&self, center: [f32; 3], radius: f32, error: f32) -> bool {
        let (center, radius) = self.place(center, radius);
        let slack = rounding(self.instance, self.view, center);
        error * self.instance.scale_max * 1.00001 > self.allowed * self.nearest(center, radius * 1.00001 + slack)
    }

    fn pixels(&self, center: [f32; 3], radius: f32, error: f32) -> f32 {
        let (center, radius) = self.place(center, radius);
        error * self.instance.scale_max * self.view.pixels_per_tangent / self.nearest(center, radius)
    }
}

impl Cut<'_> {
    fn through(&mut self, index: u32, instance: &SelectableInstance, model: &mut SelectableModel) {
        let SelectableModel { asset, pages, places, surfaces, keys } = model;
        let mesh: &MeshRecord = &asset.meshes()[instance.mesh as usize];
        let view = self.view;
        let seen = Seen { instance, view, allowed: self.limits.error_pixels / view.pixels_per_tangent };
        let bounds = mesh.bounds();
        if bounds.is_empty() {
            return;
        }
        let (center, radius) = seen.place(bounds.center().into(), bounds.radius());
        if !view.sees(center, radius) {
            return;
        }
        let (tree, groups, clusters, records) = (asset.tree(), asset.groups(), asset.clusters(), asset.pages());
        let local_eye = local_eye(instance, view);
        self.open.clear();
        self.open.extend(mesh.tree_first..mesh.tree_first + mesh.tree_roots);
        while let Some(number) = self.open.pop() {
            let node = &tree[number as usize];
            if !seen.may_exceed(node.center, node.radius, node.error) {
                continue;
            }
            let (center, radius) = seen.place(node.center, node.radius);
            if !view.sees(center, radius) {
                continue;
            }
            if node.count > 0 {
                self.open.extend(node.first..node.first + node.count);
                continue;
            }
            // Asked as below, so that both answers are the same.
            let group = &groups[node.first as usize];
            if !seen.exceeds(group.center, group.radius, group.error) {
                continue;
            }
            let place = match places[group.page as usize] {
                Some(place) if pages.is_usable(group.page) => place,
                _ => {
                    let error_pixels = seen.pixels(group.center, group.radius, group.error);
                    let page = PageOf { model: instance.model as usize, page: group.page };
                    self.wanted.push(Wish { page, error_pixels });
                    continue;
                }
            };
            pages.touch(group.page, self.frame);
            let first = place.first + (group.cluster_first - records[group.page as usize].cluster_first);
            let own = &clusters[group.cluster_first as usize..][..group.cluster_count as usize];
            // Clusters that stand for the same group stand beside one another.
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
                let key = keys[place.bank as usize * surfaces.len() + surface];
                let double_sided = surfaces[surface].double_sided;
                self.take(index, &seen, cluster, number, key, if double_sided { None } else { local_eye });
            }
        }
    }

    /// Takes a cluster of the cut if it may be seen; `eye` if it has a back from which it is not.
    fn take(&mut self, index: u32, seen: &Seen<'_>, cluster: &ClusterRecord, number: u32, key: u32, eye: Option<Vec3>) {
        let (instance, view) = (seen.instance, self.view);
        let is_points = cluster.triangles == 0;
        // Points are squares as wide as they are apart.
        let (center, radius) = seen.place(cluster.center, cluster.radius + cluster.spacing);
        if !view.sees(center, radius) || turned_away(cluster, eye) {
            return;
        }
        if self.keys[key as usize].phase == Phase::Blend && !self.limits.blended || self.count == ENTRIES_MAX {
            return;
        }
        self.count += 1;
        let large = !is_points && view.diameter_pixels(center, radius) > self.limits.small_pixels;
        self.found[key as usize][usize::from(large)].push(Found {
            instance: index | if instance.mirrored { MIRRORED } else { 0 },
            cluster: number,
            triangles: u32::from(if is_points { cluster.vertices } else { cluster.triangles }),
            distance: center.distance(view.eye),
            sphere: sphere(instance, view, center, radius),
        });
    }
}

/// Positions are computed in another order by the kernels: what that may cost is added to the radius.
fn sphere(instance: &SelectableInstance, view: &View, center: Vec3A, radius: f32) -> Sphere {
    Sphere::new(center - view.eye, radius * 1.001 + rounding(instance, view, center))
}

/// Metres by which a distance from the eye may be wrong.
fn rounding(instance: &SelectableInstance, view: &View, center: Vec3A) -> f32 {
    let reach = center.abs() + view.eye.abs() + instance.world.translation.abs();
    reach.max_element() * 2e-6
}

/// The eye in the mesh's coordinates; `None` where angles are not kept, so that cones mean nothing.
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

/// Software adapters give each thread one piece of a dispatch. Neighbours in the list cost about the same, so they go
/// to different pieces.
fn interleaved(found: &[Found]) -> impl Iterator<Item = &Found> {
    const PIECES: usize = 8;
    (0..PIECES).flat_map(move |piece| found.iter().skip(piece).step_by(PIECES))
}

#[cfg(test)]
mod tests;
