//! Ray casts: the triangles along a ray.
//!
//! The cast descends the tree of boxes above the instances from near to far, and leaves out those behind the hits found
//! so far. Inside a mesh it descends the tree of boxes above the original clusters, which the asset holds. Triangles
//! are transformed to coordinates relative to the ray's origin, which is correct under any transform, even one that
//! flattens, and tested by the watertight algorithm of Woop, Benthin and Wald (JCGT 2013): a ray through a common edge
//! never slips between two neighbours.

use glam::{Affine3A, DAffine3, DVec3, Vec3};
use remora_asset::{Bounds, WorldBounds};

use crate::ids::EntityId;
use crate::scene::Scene;

#[cfg(test)]
mod tests;

/// Upper bound on the relative error of positions, distances and bounds in single precision, as they are used here.
const ROUNDING: f64 = 32.0 * f32::EPSILON as f64;

/// Largest number of hits of one ray; Azure Remote Rendering has the same limit.
pub const HITS_MAX: usize = 256;

/// The hits of a ray that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitPolicy {
    /// The nearest one.
    Closest,
    /// The nearest ones, from near to far: this number of them, at most [`HITS_MAX`].
    AllByDistance(usize),
    /// One of them, whichever is found first. The cheapest.
    Any,
}

/// The side of a triangle that a ray meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The side from which its corners appear counter-clockwise in the mesh, also if the instance is mirrored.
    Front,
    /// The other side.
    Back,
}

/// The point at which a ray meets the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The entity that shows the triangle.
    pub entity: EntityId,
    /// Slot of [`Scene::instance_slots`].
    pub instance: u32,
    /// Place of the triangle's material among those of the mesh, as [`remora_asset::Asset::mesh_materials`] lists them.
    pub sub_part: u32,
    /// In the world, in metres.
    pub position: DVec3,
    /// Normal of the triangle's plane, of unit length, on the side of the ray's origin.
    pub normal: Vec3,
    /// The side of the triangle on which the ray's origin lies.
    pub face: Face,
    /// Distance from the ray's origin, in metres.
    pub distance: f32,
    /// World box of the instance.
    pub bounds: WorldBounds,
}

/// A ray. It is tested in coordinates relative to its origin, which are precise near the origin wherever that lies.
struct Ray {
    origin: DVec3,
    /// Unit length.
    direction: Vec3,
    /// One by the direction.
    inverse: DVec3,
    /// Permutation of the axes: the largest component of the direction comes last, and the first two keep the winding.
    axes: [usize; 3],
    /// Shear that moves the direction onto the last of these axes.
    shear: Vec3,
}

/// A triangle that a ray meets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Met {
    distance: f32,
    instance: u32,
    cluster: u32,
    /// Relative to the ray's origin.
    triangle: [Vec3; 3],
}

/// The hits so far, in the order of their distance, then of their instance.
struct Found {
    policy: HitPolicy,
    hits: Vec<Met>,
    /// Nothing beyond matters.
    limit: f32,
}

impl Found {
    fn new(policy: HitPolicy) -> Self {
        let limit = if policy == HitPolicy::AllByDistance(0) { f32::NEG_INFINITY } else { f32::INFINITY };
        Self { policy, hits: Vec::new(), limit }
    }

    fn add(&mut self, met: Met) {
        let hits_max = match self.policy {
            HitPolicy::Closest | HitPolicy::Any => 1,
            HitPolicy::AllByDistance(wanted) => wanted.min(HITS_MAX),
        };
        let order = (met.distance, met.instance);
        let at = self.hits.partition_point(|hit| (hit.distance, hit.instance) <= order);
        if at == hits_max {
            return;
        }
        self.hits.truncate(hits_max - 1);
        self.hits.insert(at, met);
        if self.policy == HitPolicy::Any {
            self.limit = f32::NEG_INFINITY;
        } else if let Some(last) = self.hits.get(hits_max - 1) {
            self.limit = last.distance;
        }
    }
}

impl Scene {
    /// Returns the nearest triangle of a visible instance on a ray, seen from either side. `direction` may have any
    /// length; a ray with a zero direction or a number that is not finite hits nothing. Of two triangles at the same
    /// distance, the one in the lower slot is met.
    ///
    /// Costs more after edits, by what they changed.
    pub fn cast_ray(&mut self, origin: DVec3, direction: Vec3) -> Option<Hit> {
        self.cast_ray_for(origin, direction, HitPolicy::Closest).pop()
    }

    /// Does the same as [`Self::cast_ray`] for the triangles that a policy asks for.
    pub fn cast_ray_for(&mut self, origin: DVec3, direction: Vec3, policy: HitPolicy) -> Vec<Hit> {
        self.update_bvh();
        let Some(ray) = Ray::new(origin, direction) else { return Vec::new() };
        let hits = find(self, &ray, policy);
        hits.into_iter().filter_map(|met| hit(self, &ray, &met)).collect()
    }

    fn update_bvh(&mut self) {
        let mut bvh = std::mem::take(&mut self.bvh);
        bvh.update(|slot| self.ray_bounds(slot));
        self.bvh = bvh;
    }

    /// Returns the box in which rays meet the instance in a slot; `None` if none can.
    fn ray_bounds(&self, slot: u32) -> Option<WorldBounds> {
        let instance = self.instance(slot).filter(|instance| instance.state.is_shown())?;
        let mesh = self.mesh(instance);
        let bounds = mesh.bounds();
        if mesh.ray_count == 0 || bounds.is_empty() {
            return None;
        }
        let matrix = instance.world.matrix3.abs();
        let [half, reach] = [(bounds.max - bounds.min) * 0.5, bounds.min.abs().max(bounds.max.abs())];
        let center = instance.world.transform_point3(bounds.center().as_dvec3());
        // Triangles are transformed in single precision. The rest of the error depends on the ray's origin.
        let extent = matrix * half.as_dvec3() + DVec3::splat((matrix * reach.as_dvec3()).max_element() * ROUNDING);
        let bounds = WorldBounds { min: center - extent, max: center + extent };
        let is_finite = bounds.min.is_finite() && bounds.max.is_finite();
        Some(if is_finite { bounds } else { WorldBounds { min: DVec3::MIN, max: DVec3::MAX } })
    }
}

fn find(scene: &Scene, ray: &Ray, policy: HitPolicy) -> Vec<Met> {
    let mut found = Found::new(policy);
    let entry = |bounds: &WorldBounds| ray.entry_in_world(bounds);
    scene.bvh.visit(entry, |slot| {
        cast_instance(scene, slot, ray, &mut found);
        f64::from(found.limit)
    });
    found.hits
}

fn hit(scene: &Scene, ray: &Ray, met: &Met) -> Option<Hit> {
    let instance = scene.instance(met.instance)?;
    let asset = scene.model(instance.model)?;
    let material = asset.clusters()[met.cluster as usize].material;
    let sub_part = asset.mesh_materials(scene.mesh(instance)).iter().position(|&other| other == material);
    let [a, b, c] = met.triangle.map(Vec3::as_dvec3);
    let normal = (b - a).cross(c - a).normalize_or_zero().as_vec3();
    let is_along = normal.dot(ray.direction) > 0.0;
    let is_mirrored = instance.world.matrix3.determinant() < 0.0;
    Some(Hit {
        entity: instance.entity,
        instance: met.instance,
        sub_part: sub_part.unwrap_or(0) as u32,
        position: ray.origin + (ray.direction * met.distance).as_dvec3(),
        normal: if is_along { -normal } else { normal },
        face: if is_along == is_mirrored { Face::Front } else { Face::Back },
        distance: met.distance,
        bounds: scene.instance_bounds(instance),
    })
}

fn cast_instance(scene: &Scene, slot: u32, ray: &Ray, found: &mut Found) {
    let Some(instance) = scene.instance(slot) else { return };
    let Some(asset) = scene.model(instance.model) else { return };
    let mesh = scene.mesh(instance);
    let world = ray.relative(&instance.world);
    let (nodes, leaves) = (asset.ray_nodes(), asset.ray_leaves());
    let entry = |node: u32| {
        let node = &nodes[node as usize];
        ray.entry(&outward(&Bounds { min: node.min.into(), max: node.max.into() }, &world))
    };
    let mut open: Vec<(f32, u32)> = Vec::new();
    if mesh.ray_count > 0 {
        open.extend(entry(mesh.ray_first).map(|entry| (entry, mesh.ray_first)));
    }
    while let Some((at, number)) = open.pop() {
        if found.limit < at {
            continue;
        }
        let node = &nodes[number as usize];
        if node.count == 0 {
            let mut children: Vec<(f32, u32)> =
                [node.first, node.first + 1].into_iter().filter_map(|child| Some((entry(child)?, child))).collect();
            // The list is a stack: the nearest child is opened first.
            children.sort_by(|one, other| other.0.total_cmp(&one.0));
            open.extend(children);
            continue;
        }
        for &cluster in &leaves[node.first as usize..][..node.count as usize] {
            for corners in asset.triangles(mesh, cluster) {
                let triangle = corners.map(|corner| world.transform_point3(corner));
                let Some(distance) = ray.distance_to(&triangle) else { continue };
                if distance <= found.limit {
                    found.add(Met { distance, instance: slot, cluster, triangle });
                }
            }
        }
    }
}

/// Transforms a box and grows it by the possible rounding error, so that it never excludes its contents.
fn outward(bounds: &Bounds, world: &Affine3A) -> Bounds {
    if bounds.is_empty() {
        return *bounds;
    }
    let reach = bounds.min.abs().max(bounds.max.abs());
    let matrix = world.matrix3;
    let magnitude = matrix.x_axis.abs() * reach.x
        + matrix.y_axis.abs() * reach.y
        + matrix.z_axis.abs() * reach.z
        + world.translation.abs();
    let center = world.transform_point3(bounds.center());
    let half = (bounds.max - bounds.min) * 0.5;
    let extent = matrix.x_axis.abs() * half.x + matrix.y_axis.abs() * half.y + matrix.z_axis.abs() * half.z;
    // The test of a triangle mixes the axes, so the largest error counts for all of them.
    let reach = Vec3::from(extent) + magnitude.max_element() * (8.0 * f32::EPSILON);
    Bounds { min: center - reach, max: center + reach }
}

impl Ray {
    fn new(origin: DVec3, direction: Vec3) -> Option<Self> {
        // The division comes first because the squared length of a very long direction overflows.
        let largest = direction.abs().max_element();
        if !origin.is_finite() || !direction.is_finite() || largest == 0.0 {
            return None;
        }
        let direction = (direction / largest).normalize();
        let fastest = direction.abs().max_position();
        let (mut x, mut y) = ((fastest + 1) % 3, (fastest + 2) % 3);
        if direction[fastest] < 0.0 {
            std::mem::swap(&mut x, &mut y);
        }
        let along = direction[fastest];
        let shear = Vec3::new(direction[x] / along, direction[y] / along, 1.0 / along);
        Some(Self { origin, direction, inverse: direction.as_dvec3().recip(), axes: [x, y, fastest], shear })
    }

    fn relative(&self, world: &DAffine3) -> Affine3A {
        DAffine3 { matrix3: world.matrix3, translation: world.translation - self.origin }.as_affine3a()
    }

    /// Returns the distance at which the ray enters a box, 0 from inside. It never exceeds the distance of anything in
    /// the box.
    fn entry(&self, bounds: &Bounds) -> Option<f32> {
        let (mut near, mut far) = (0.0_f32, f32::INFINITY);
        for axis in 0..3 {
            let direction = self.direction[axis];
            let (min, max) = (bounds.min[axis], bounds.max[axis]);
            if direction == 0.0 {
                if min > 0.0 || max < 0.0 {
                    return None;
                }
                continue;
            }
            let (to_min, to_max) = (min / direction, max / direction);
            near = near.max(to_min.min(to_max));
            far = far.min(to_min.max(to_max));
        }
        // Each bound was rounded three times.
        let slack = 4.0 * f32::EPSILON;
        (near * (1.0 - slack) <= far * (1.0 + slack)).then_some(near * (1.0 - slack))
    }

    /// Does the same as [`Self::entry`] for a box in the world, grown by the error of triangles relative to the origin.
    fn entry_in_world(&self, bounds: &WorldBounds) -> Option<f64> {
        let [min, max] = [bounds.min - self.origin, bounds.max - self.origin];
        let error = min.abs().max(max.abs()).max_element() * ROUNDING;
        if !error.is_finite() {
            return Some(0.0);
        }
        let (mut near, mut far) = (0.0_f64, f64::INFINITY);
        for axis in 0..3 {
            let (min, max) = (min[axis] - error, max[axis] + error);
            if self.direction[axis] == 0.0 {
                if min > 0.0 || max < 0.0 {
                    return None;
                }
                continue;
            }
            let (to_min, to_max) = (min * self.inverse[axis], max * self.inverse[axis]);
            near = near.max(to_min.min(to_max));
            far = far.min(to_min.max(to_max));
        }
        (near <= far * (1.0 + ROUNDING)).then_some(near * (1.0 - ROUNDING))
    }

    fn distance_to(&self, triangle: &[Vec3; 3]) -> Option<f32> {
        let [x, y, z] = self.axes;
        let [a, b, c] = triangle.map(|corner| {
            let along = corner[z];
            // Rounding depends on the corner alone, so all triangles that share it agree. The rest is exact.
            Vec3::new(corner[x] - self.shear.x * along, corner[y] - self.shear.y * along, self.shear.z * along)
                .as_dvec3()
        });
        let edges = DVec3::new(c.x * b.y - c.y * b.x, a.x * c.y - a.y * c.x, b.x * a.y - b.y * a.x);
        if edges.min_element() < 0.0 && edges.max_element() > 0.0 {
            return None;
        }
        let determinant = edges.element_sum();
        if determinant == 0.0 {
            return None;
        }
        let distance = edges.dot(DVec3::new(a.z, b.z, c.z)) / determinant;
        (distance >= 0.0).then_some(distance as f32)
    }
}
