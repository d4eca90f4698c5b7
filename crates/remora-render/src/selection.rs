//! What is drawn in a frame: the clusters that may be seen, in the order in which kernels want them. Pure.
//!
//! ```text
//!   instances ─┬─ in the view? ── clusters ─┬─ in the view? ─┬─ facing the eye? ──▶ entries, by phase, page, shading
//!              └─ hidden                    └─ outside       └─ turned away
//! ```
//!
//! An entry is a pair of instance and cluster; its number times 128 plus the triangle's is the id that the
//! visibility buffer holds. Runs are entries that one kernel shades; batches are entries that one dispatch
//! rasterises, a workgroup each. What the frame before hid is numbered like everything else, but put off: the device
//! draws it only if it is not hidden in this frame too.

use std::ops::Range;

use glam::{Affine3A, Vec3, Vec3A, Vec4};
use remora_assets::cluster::ClusterBounds;

use crate::frame::{Camera, Size};
use crate::horizon::{Horizon, Outlook, Sphere};
use crate::prepare::Shading;

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
    pub page: u8,
    pub shading: Shading,
}

#[derive(Clone, Debug)]
pub(crate) struct SelectableCluster {
    pub bounds: ClusterBounds,
    pub double_sided: bool,
    pub triangles: u32,
    /// Its number on the device.
    pub index: u32,
    /// Index into [`Selectable::keys`].
    pub key: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct SelectableMesh {
    pub center: Vec3,
    pub radius: f32,
    pub clusters: Range<u32>,
}

/// Everything that could be drawn.
#[derive(Debug, Default)]
pub(crate) struct Selectable {
    pub meshes: Vec<SelectableMesh>,
    pub clusters: Vec<SelectableCluster>,
    /// In the order of drawing.
    pub keys: Vec<Key>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectableInstance {
    /// Index into [`Selectable::meshes`].
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
    pub(crate) fn new(mesh: u32, visible: bool, world: Affine3A) -> Self {
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
        Self { mesh, visible, world, scale_max, uniform, mirrored: world.matrix3.determinant() < 0.0 }
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
    /// Of the entries that are drawn at once.
    pub triangles: u64,
    /// Entries that are not blended.
    pub solid: u32,
    /// Per key, first what is small, then what is large.
    found: Vec<[Vec<Found>; 2]>,
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
    pub(crate) fn new(camera: &Camera, size: Size) -> Self {
        let rotation = camera.orientation.normalize();
        let tangent_y = (camera.vertical_field_of_view * 0.5).tan();
        let tangent_x = tangent_y * size.aspect();
        let forward = rotation * Vec3::NEG_Z;
        let (right, up) = (rotation * Vec3::X, rotation * Vec3::Y);
        let through_eye = |normal: Vec3| {
            let normal = normal.normalize();
            normal.extend(-normal.dot(camera.position))
        };
        let near = forward.extend(-forward.dot(camera.position) - camera.near);
        let planes = [
            near,
            through_eye(forward * tangent_x + right),
            through_eye(forward * tangent_x - right),
            through_eye(forward * tangent_y + up),
            through_eye(forward * tangent_y - up),
        ];
        Self {
            eye: camera.position.into(),
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

/// Limits that depend on the adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectionLimits {
    /// Clusters up to so many pixels hold no triangle for the queue.
    pub small_pixels: f32,
    /// Records in the queue of large triangles.
    pub queue_length: u32,
}

impl Selection {
    /// Selects for a view. Blended surfaces are left out unless wanted. What `horizon` hides is put off.
    pub(crate) fn select(
        &mut self,
        scene: &Selectable,
        instances: &[SelectableInstance],
        view: &View,
        blended: bool,
        limits: SelectionLimits,
        horizon: Option<&Horizon>,
    ) {
        let mut found = std::mem::take(&mut self.found);
        found.iter_mut().flatten().for_each(Vec::clear);
        found.resize_with(scene.keys.len(), Default::default);
        let mut count = 0;
        for (index, instance) in instances.iter().enumerate() {
            if !instance.visible {
                continue;
            }
            let mesh = &scene.meshes[instance.mesh as usize];
            let center = instance.world.transform_point3a(mesh.center.into());
            if !view.sees(center, mesh.radius * instance.scale_max) {
                continue;
            }
            let clusters = &scene.clusters[mesh.clusters.start as usize..mesh.clusters.end as usize];
            let local_eye = local_eye(instance, view);
            for cluster in clusters {
                let center = instance.world.transform_point3a(cluster.bounds.center.into());
                let radius = cluster.bounds.radius * instance.scale_max;
                if (clusters.len() > 1 && !view.sees(center, radius)) || turned_away(cluster, local_eye) {
                    continue;
                }
                if scene.keys[cluster.key as usize].phase == Phase::Blend && !blended || count == ENTRIES_MAX {
                    continue;
                }
                count += 1;
                let large = scene.keys[cluster.key as usize].shading != Shading::Points
                    && view.diameter_pixels(center, radius) > limits.small_pixels;
                found[cluster.key as usize][usize::from(large)].push(Found {
                    instance: index as u32 | if instance.mirrored { MIRRORED } else { 0 },
                    cluster: cluster.index,
                    triangles: cluster.triangles,
                    distance: center.distance(view.eye),
                    sphere: sphere(instance, view, center, radius),
                });
            }
        }
        // What is near hides what is far, but only large triangles are worth asking.
        for [_, large] in &mut found {
            large.sort_by(|one, other| one.distance.total_cmp(&other.distance));
        }
        let horizon = horizon.map(|horizon| horizon.from(view.eye));
        self.arrange(&scene.keys, &found, limits.queue_length, horizon.as_ref());
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

/// Positions are computed in another order by the kernels: what that may cost is added to the radius.
fn sphere(instance: &SelectableInstance, view: &View, center: Vec3A, radius: f32) -> Sphere {
    let reach = center.abs() + view.eye.abs() + instance.world.translation.abs();
    Sphere::new(center - view.eye, radius * 1.001 + reach.max_element() * 2e-6)
}

/// The eye in the mesh's coordinates; `None` where angles are not kept, so that cones mean nothing.
fn local_eye(instance: &SelectableInstance, view: &View) -> Option<Vec3> {
    // A scale of zero has no inverse.
    (instance.uniform && instance.scale_max > 0.0)
        .then(|| Vec3::from(instance.world.inverse().transform_point3a(view.eye)))
}

fn turned_away(cluster: &SelectableCluster, local_eye: Option<Vec3>) -> bool {
    let bounds = &cluster.bounds;
    match local_eye {
        Some(eye) if !cluster.double_sided && bounds.cone_cutoff < 1.0 => {
            let toward = bounds.cone_apex - eye;
            toward.dot(bounds.cone_axis) >= bounds.cone_cutoff * toward.length()
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
mod tests {
    use super::*;
    use glam::Quat;
    use proptest::prelude::*;

    const SIZE: Size = Size::new(640, 360);

    fn camera() -> Camera {
        Camera {
            position: Vec3::new(0.0, 0.0, 5.0),
            orientation: Quat::IDENTITY,
            vertical_field_of_view: 0.9,
            near: 0.1,
        }
    }

    fn key(phase: Phase, page: u8) -> Key {
        Key { phase, page, shading: Shading::Plain }
    }

    fn cluster(center: Vec3, key: u32, index: u32) -> SelectableCluster {
        let bounds = ClusterBounds { center, radius: 0.1, cone_apex: center, cone_axis: Vec3::Z, cone_cutoff: 1.0 };
        SelectableCluster { bounds, double_sided: false, triangles: 100, index, key }
    }

    /// One mesh per cluster at the origin; instances place them.
    fn scene(keys: Vec<Key>, clusters: Vec<SelectableCluster>) -> Selectable {
        let meshes = (0..clusters.len() as u32)
            .map(|index| SelectableMesh { center: Vec3::ZERO, radius: 0.2, clusters: index..index + 1 })
            .collect();
        Selectable { meshes, clusters, keys }
    }

    fn instance(mesh: u32, position: Vec3) -> SelectableInstance {
        SelectableInstance::new(mesh, true, Affine3A::from_translation(position))
    }

    fn limits() -> SelectionLimits {
        SelectionLimits { small_pixels: 1e9, queue_length: 1000 }
    }

    fn select(scene: &Selectable, instances: &[SelectableInstance], limits: SelectionLimits) -> Selection {
        let mut selection = Selection::default();
        selection.select(scene, instances, &View::new(&camera(), SIZE), true, limits, None);
        selection
    }

    #[test]
    fn what_is_outside_or_hidden_is_left_out() {
        let scene = scene(vec![key(Phase::Opaque, 0)], vec![cluster(Vec3::ZERO, 0, 7)]);
        let mut hidden = instance(0, Vec3::ZERO);
        hidden.visible = false;
        let instances = [
            instance(0, Vec3::ZERO),
            hidden,
            instance(0, Vec3::new(50.0, 0.0, 0.0)),
            instance(0, Vec3::new(0.0, -50.0, 0.0)),
            instance(0, Vec3::new(0.0, 0.0, 6.0)),
            instance(0, Vec3::new(0.5, 0.5, 0.0)),
        ];
        let selection = select(&scene, &instances, limits());
        assert_eq!(selection.entries, [[0, 0], [0, 7], [5, 7]]);
        assert_eq!(selection.triangles, 200);
    }

    #[test]
    fn clusters_that_face_away_are_left_out_unless_both_sides_show() {
        let away = |double_sided| {
            let mut away = cluster(Vec3::ZERO, 0, 1);
            away.bounds.cone_axis = Vec3::NEG_Z;
            away.bounds.cone_cutoff = 0.1;
            away.double_sided = double_sided;
            away
        };
        let single = scene(vec![key(Phase::Opaque, 0)], vec![away(false)]);
        assert_eq!(select(&single, &[instance(0, Vec3::ZERO)], limits()).runs, []);
        let turned = Affine3A::from_rotation_y(std::f32::consts::PI);
        assert_eq!(select(&single, &[SelectableInstance::new(0, true, turned)], limits()).runs.len(), 1);
        // A transform that bends angles makes the cone meaningless.
        let bent = Affine3A::from_scale(Vec3::new(1.0, 3.0, 1.0));
        assert_eq!(select(&single, &[SelectableInstance::new(0, true, bent)], limits()).runs.len(), 1);
        let double = scene(vec![key(Phase::Opaque, 0)], vec![away(true)]);
        assert_eq!(select(&double, &[instance(0, Vec3::ZERO)], limits()).runs.len(), 1);
    }

    #[test]
    fn runs_follow_the_keys_and_numbers_are_dense() {
        let keys = vec![key(Phase::Opaque, 0), key(Phase::Opaque, 1), key(Phase::Mask, 0), key(Phase::Blend, 0)];
        let clusters = (0..4).map(|key| cluster(Vec3::ZERO, key, 10 + key)).collect();
        let scene = scene(keys.clone(), clusters);
        let instances: Vec<_> = [3, 1, 0, 2, 0].map(|mesh| instance(mesh, Vec3::ZERO)).to_vec();
        let selection = select(&scene, &instances, limits());
        let runs: Vec<(Key, Range<u32>)> = selection.runs.iter().map(|run| (run.key, run.entries.clone())).collect();
        assert_eq!(runs, [(keys[0], 1..3), (keys[1], 3..4), (keys[2], 4..5), (keys[3], 5..6)]);
        assert_eq!(selection.entries[1..], [[2, 10], [4, 10], [1, 11], [3, 12], [0, 13]]);
        // Opaque pages share the queue, what is masked and what is blended does not.
        let flushes: Vec<bool> = selection.batches.iter().map(|batch| batch.flush).collect();
        assert_eq!(flushes, [false, true, true, true]);
    }

    #[test]
    fn the_queue_never_overflows() {
        let scene = scene(vec![key(Phase::Opaque, 0)], vec![cluster(Vec3::ZERO, 0, 0)]);
        let instances = vec![instance(0, Vec3::ZERO); 25];
        let limits = SelectionLimits { small_pixels: 1.0, queue_length: 300 };
        let selection = select(&scene, &instances, limits);
        assert_eq!(selection.batches.len(), 9);
        assert!(selection.batches.iter().all(|batch| batch.flush && !batch.small && batch.chosen.len() <= 3));
        let mut instances: Vec<u32> = selection.entries[1..].iter().map(|entry| entry[0]).collect();
        instances.sort_unstable();
        assert_eq!(instances, (0..25).collect::<Vec<u32>>(), "every instance once");
        assert_eq!(selection.numbers, (1..=25).collect::<Vec<u32>>(), "every entry once");
        let chosen: Vec<u32> = selection.batches.iter().flat_map(|batch| batch.chosen.clone()).collect();
        assert_eq!(chosen, (0..25).collect::<Vec<u32>>(), "every number once");
    }

    #[test]
    fn what_was_hidden_keeps_its_number_and_is_put_off() {
        let keys = vec![key(Phase::Opaque, 0), key(Phase::Opaque, 1), key(Phase::Blend, 0)];
        let clusters = (0..3).map(|key| cluster(Vec3::ZERO, key, key)).collect();
        let scene = scene(keys, clusters);
        // A wall at the origin: every other instance is behind it.
        let places = [0, 1, 0, 1, 0, 1, 2].into_iter().enumerate();
        let instances: Vec<SelectableInstance> = places
            .map(|(index, mesh)| instance(mesh, Vec3::new(0.0, 0.0, if index % 3 == 0 { -2.0 } else { 2.0 })))
            .collect();
        let view = View::new(&camera(), SIZE);
        let texels = crate::horizon::levels(SIZE)[0].size.pixels() as usize;
        let horizon = Horizon::new(view, 0, vec![0.1 / 5.0; texels]);
        let mut selection = Selection::default();
        selection.select(&scene, &instances, &view, true, limits(), Some(&horizon));
        let without = select(&scene, &instances, limits());
        assert_eq!(selection.entries, without.entries);
        assert_eq!(selection.runs, without.runs);
        // Of the first key instance 0, of the second instance 3; what is blended is never put off.
        assert_eq!(selection.entries, [[0, 0], [0, 0], [2, 0], [4, 0], [1, 1], [3, 1], [5, 1], [6, 2]]);
        assert_eq!(selection.numbers, [2, 3, 4, 6, 7]);
        let candidates = selection.candidates.iter().map(|one| (one.number, one.batch, one.first));
        assert_eq!(candidates.collect::<Vec<_>>(), [(1, 0, 0), (5, 1, 1)]);
        assert_eq!((selection.triangles, selection.solid, selection.deferring_batches()), (500, 6, 2));
    }

    proptest! {
        /// A point of a mesh that projects into the picture is never culled.
        #[test]
        fn what_can_be_seen_is_selected(
            position in prop::array::uniform3(-20f32..20.0),
            angles in prop::array::uniform3(-3f32..3.0),
            point in prop::array::uniform3(-30f32..30.0),
            scale in 0.1f32..3.0,
        ) {
            let camera = Camera {
                position: position.into(),
                orientation: Quat::from_euler(glam::EulerRot::YXZ, angles[0], angles[1], angles[2]),
                ..camera()
            };
            let local = camera.orientation.inverse() * (Vec3::from(point) - camera.position);
            let tangent = (camera.vertical_field_of_view * 0.5).tan();
            let seen = -local.z > camera.near
                && local.y.abs() < -local.z * tangent
                && local.x.abs() < -local.z * tangent * SIZE.aspect();
            let scene = scene(vec![key(Phase::Opaque, 0)], vec![cluster(Vec3::new(0.05, 0.0, 0.0), 0, 0)]);
            // The point is the cluster's farthest to the left, scaled.
            let world = Affine3A::from_translation(point.into())
                * Affine3A::from_scale(Vec3::splat(scale))
                * Affine3A::from_translation(Vec3::new(0.05, 0.0, 0.0));
            let mut selection = Selection::default();
            let instances = [SelectableInstance::new(0, true, world)];
            selection.select(&scene, &instances, &View::new(&camera, SIZE), true, limits(), None);
            prop_assert!(!seen || selection.runs.len() == 1);
        }

        /// The bound of the diameter holds for spheres anywhere in the view.
        #[test]
        fn diameters_are_not_underestimated(x in -4f32..4.0, y in -2f32..2.0, z in -30f32..3.0, radius in 0.01f32..1.0) {
            let view = View::new(&camera(), SIZE);
            let center = Vec3::new(x, y, z);
            let bound = view.diameter_pixels(center.into(), radius);
            let project = |point: Vec3| {
                let depth = 5.0 - point.z;
                glam::vec2(point.x, point.y) / depth * view.pixels_per_tangent
            };
            prop_assume!(5.0 - z - radius > 0.1);
            for i in 0..64 {
                let angle = i as f32 * 0.3;
                let offset = Vec3::new(angle.cos() * (i as f32).sin(), angle.sin() * (i as f32).sin(), (i as f32).cos());
                let distance = project(center + offset * radius).distance(project(center - offset * radius));
                prop_assert!(distance <= bound * 1.001, "{distance} > {bound}");
            }
        }
    }
}
