//! The cut through small assets, without a device.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use glam::{DAffine3, DVec3, Quat, Vec3, Vec4};
use proptest::prelude::*;
use remora_assets::asset::BuildOptions;
use remora_assets::asset::layout::{NONE, PAGE_ROOT};
use remora_assets::{AlphaMode, Material, Mesh, Model, Node, Points, Primitive};

use super::*;
use crate::frame::{Camera, Size};
use crate::prepare::{PrepareOptions, Prepared};
use crate::residency::most_urgent;

const SIZE: Size = Size::new(640, 360);
/// Number on the device of an asset's first cluster.
const FIRST: u32 = 1000;
const BANKS: u32 = 2;

/// From -1 to 1 in x and y, with waves of several lengths.
fn bumpy(cells: u32, material: u32) -> Primitive {
    let mut shape = Primitive { material, ..Default::default() };
    let place = |index: u32| index as f32 / cells as f32 * 2.0 - 1.0;
    let height = |x: f32, y: f32| {
        0.15 * (x * 5.0).sin() * (y * 4.0).cos() + 0.03 * (x * 23.0 + y * 31.0).sin() + 0.004 * (y * 150.0).sin()
    };
    for row in 0..=cells {
        for column in 0..=cells {
            let (x, y) = (place(column), place(row));
            let slope = |dx: f32, dy: f32| (height(x + dx, y + dy) - height(x - dx, y - dy)) / 0.002;
            let normal = Vec3::new(-slope(0.001, 0.0), -slope(0.0, 0.001), 1.0).normalize();
            shape.positions.push([x, y, height(x, y)]);
            shape.normals.push(normal.into());
        }
    }
    for row in 0..cells {
        for column in 0..cells {
            let a = row * (cells + 1) + column;
            let b = a + cells + 1;
            shape.indices.extend([a, a + 1, b, a + 1, b + 1, b]);
        }
    }
    shape
}

fn triangle(material: u32) -> Primitive {
    Primitive {
        material,
        positions: vec![[-0.1, -0.1, 0.0], [0.1, -0.1, 0.0], [0.0, 0.1, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    }
}

fn build(meshes: Vec<Mesh>, materials: Vec<Material>) -> Asset {
    let node = |mesh| Node { mesh: Some(mesh), transform: DAffine3::IDENTITY, ..Default::default() };
    let nodes = (0..meshes.len() as u32).map(node).collect();
    let model = Model { meshes, materials, nodes, ..Default::default() };
    assert_eq!(model.check(), Ok(()));
    Asset::from_model(&model, &BuildOptions::default(), &|_| {}, &|| false).expect("the asset is built")
}

const SHEET: u32 = 0;
const CLOUD: u32 = 1;
const TRIANGLE: u32 = 2;

/// A bumpy sheet of two materials, a cloud of points and a triangle, on several pages.
static DETAILED: LazyLock<Asset> = LazyLock::new(|| {
    let mut second = bumpy(110, 1);
    second.positions.iter_mut().for_each(|position| position[0] += 2.0);
    let place = |index: u32| [(index * 37 % 997) as f32 / 500.0, (index * 61 % 883) as f32 / 440.0, (index % 7) as f32];
    let positions: Vec<[f32; 3]> = (0..60_000).map(place).collect();
    let points = Points { colors: vec![[200, 100, 50, 255]; positions.len()], positions };
    let meshes = vec![
        Mesh { primitives: vec![bumpy(160, 0), second], ..Default::default() },
        Mesh { points, ..Default::default() },
        Mesh { primitives: vec![triangle(1)], ..Default::default() },
    ];
    build(meshes, vec![Material::default(), Material::default()])
});

/// A triangle of each phase.
static PHASES: LazyLock<Asset> = LazyLock::new(|| {
    let alpha = |alpha_mode| Material { alpha_mode, ..Default::default() };
    let modes = [AlphaMode::Opaque, AlphaMode::Mask { cutoff: 0.5 }, AlphaMode::Blend];
    let meshes = (0..3).map(|material| Mesh { primitives: vec![triangle(material)], ..Default::default() }).collect();
    build(meshes, modes.map(alpha).to_vec())
});

/// A model as the library makes it, with nothing but its roots on the device; pages lie in the banks in turn.
struct Shown {
    keys: Vec<Key>,
    models: Vec<SelectableModel>,
    selection: Selection,
}

impl Shown {
    /// Only what stands behind everything else, if `sides` are both shown no cluster is turned away.
    fn roots(asset: &Asset, double_sided: bool) -> Self {
        let options = PrepareOptions { texture_dimension_max: 64, blocks: false };
        let mut surfaces = Prepared::new(asset, &options).expect("the asset is sound").surfaces;
        surfaces.push(Surface { phase: Phase::Opaque, shading: Shading::Points, double_sided: true });
        surfaces.iter_mut().for_each(|surface| surface.double_sided |= double_sided);
        let key =
            |surface: &Surface, bank: u32| Key { phase: surface.phase, bank: bank as u8, shading: surface.shading };
        let of_banks = || (0..BANKS).flat_map(|bank| surfaces.iter().map(move |surface| key(surface, bank)));
        let mut keys: Vec<Key> = of_banks().collect();
        keys.sort_unstable();
        keys.dedup();
        let own = of_banks().map(|key| keys.binary_search(&key).expect("it has just been listed") as u32).collect();
        let places = vec![None; asset.pages().len()];
        let model = SelectableModel { asset: asset.clone(), pages: Pages::new(asset), places, surfaces, keys: own };
        let mut shown = Self { keys, models: vec![model], selection: Selection::default() };
        for (number, page) in (0..).zip(asset.pages()) {
            if page.flags & PAGE_ROOT != 0 {
                shown.load(number);
            }
        }
        shown
    }

    fn whole(asset: &Asset, double_sided: bool) -> Self {
        let mut shown = Self::roots(asset, double_sided);
        for page in 0..asset.pages().len() as u32 {
            if !shown.models[0].pages.is_loaded(page) {
                shown.load(page);
            }
        }
        shown
    }

    fn load(&mut self, page: u32) {
        let frame = self.selection.frame;
        let model = &mut self.models[0];
        let first = FIRST + model.asset.pages()[page as usize].cluster_first;
        model.places[page as usize] = Some(PagePlace { bank: (page % BANKS) as u8, first });
        model.pages.loaded(page, frame);
    }

    fn evict(&mut self, page: u32) {
        self.models[0].pages.evicted(page);
        self.models[0].places[page as usize] = None;
    }

    fn select(&mut self, instances: &[SelectableInstance], view: &View, limits: SelectionLimits) -> &Selection {
        self.selection.wanted.clear();
        self.selection.select(&self.keys, &self.models, instances, view, limits, None);
        &self.selection
    }

    /// Clusters of the asset that are drawn of each instance.
    fn drawn(&self) -> HashMap<u32, HashSet<u32>> {
        let mut drawn: HashMap<u32, HashSet<u32>> = HashMap::new();
        for &[instance, cluster] in &self.selection.entries[1..] {
            let is_new = drawn.entry(instance & INSTANCE_MASK).or_default().insert(cluster - FIRST);
            assert!(is_new, "cluster {cluster} of instance {instance} is drawn twice");
        }
        drawn
    }
}

fn camera() -> Camera {
    Camera { position: DVec3::new(0.0, 0.0, 5.0), orientation: Quat::IDENTITY, vertical_field_of_view: 0.9, near: 0.1 }
}

fn front() -> View {
    View::new(&camera(), DVec3::ZERO, SIZE)
}

/// A view that leaves nothing out.
fn all_around(eye: Vec3) -> View {
    let camera = Camera { position: eye.as_dvec3(), ..camera() };
    View { planes: [Vec4::new(0.0, 0.0, 0.0, f32::MAX); 5], ..View::new(&camera, DVec3::ZERO, SIZE) }
}

fn limits(error_pixels: f32) -> SelectionLimits {
    SelectionLimits { error_pixels, blended: true, small_pixels: 1e9, queue_length: 1000 }
}

fn instance(mesh: u32, world: Affine3A) -> SelectableInstance {
    SelectableInstance::new(0, mesh, true, world)
}

fn at(x: f32, y: f32, z: f32) -> Affine3A {
    Affine3A::from_translation(Vec3::new(x, y, z))
}

/// Of each kind of transform that an instance may have.
fn transforms() -> [Affine3A; 4] {
    let turned = Affine3A::from_quat(Quat::from_euler(glam::EulerRot::XYZ, 0.4, -0.7, 1.9));
    let mirrored = Affine3A::from_scale(Vec3::new(-0.5, 0.5, 0.5));
    let uneven = turned * Affine3A::from_scale(Vec3::new(0.3, 2.0, 1.0)) * turned.inverse();
    [Affine3A::IDENTITY, at(1.0, -2.0, 0.5) * turned, at(0.0, 1.0, 0.0) * mirrored, at(-2.0, 0.0, 1.0) * uneven]
}

/// How often what each original cluster of a mesh shows is drawn, by itself or by what stands for it; an error where
/// something is drawn in parts only.
struct Coverage<'a> {
    asset: &'a Asset,
    drawn: &'a HashSet<u32>,
    /// Clusters that stand for each group.
    standing: HashMap<u32, Vec<u32>>,
    group_of: HashMap<u32, u32>,
    counted: HashMap<u32, usize>,
}

impl<'a> Coverage<'a> {
    fn check(asset: &'a Asset, mesh: u32, drawn: &'a HashSet<u32>) -> Result<(), String> {
        let record = &asset.meshes()[mesh as usize];
        let (mut standing, mut group_of): (HashMap<u32, Vec<u32>>, HashMap<u32, u32>) = Default::default();
        for number in record.group_first..record.group_first + record.group_count {
            let group = &asset.groups()[number as usize];
            for cluster in group.cluster_first..group.cluster_first + group.cluster_count {
                group_of.insert(cluster, number);
                let refined = asset.clusters()[cluster as usize].refined;
                if refined != NONE {
                    standing.entry(refined).or_default().push(cluster);
                }
            }
        }
        let clusters: Vec<u32> = group_of.keys().copied().collect();
        if let Some(foreign) = drawn.iter().find(|cluster| !group_of.contains_key(cluster)) {
            return Err(format!("cluster {foreign} is of another mesh"));
        }
        let mut coverage = Self { asset, drawn, standing, group_of, counted: HashMap::new() };
        for cluster in clusters {
            let count = coverage.count(cluster)?;
            if coverage.asset.clusters()[cluster as usize].refined == NONE && count != 1 {
                return Err(format!("original cluster {cluster} is shown {count} times"));
            }
        }
        Ok(())
    }

    fn count(&mut self, cluster: u32) -> Result<usize, String> {
        if let Some(&known) = self.counted.get(&cluster) {
            return Ok(known);
        }
        let group = self.group_of[&cluster];
        let mut above = None;
        for other in self.standing.get(&group).cloned().unwrap_or_default() {
            let count = self.count(other)?;
            if above.replace(count).is_some_and(|before| before != count) {
                return Err(format!("group {group} is shown in parts"));
            }
        }
        let count = usize::from(self.drawn.contains(&cluster)) + above.unwrap_or(0);
        self.counted.insert(cluster, count);
        Ok(count)
    }
}

fn assert_proper(shown: &Shown, instances: &[SelectableInstance]) -> Result<(), TestCaseError> {
    let drawn = shown.drawn();
    for (index, instance) in (0..).zip(instances) {
        let none = HashSet::new();
        let outcome = Coverage::check(&shown.models[0].asset, instance.mesh, drawn.get(&index).unwrap_or(&none));
        prop_assert!(outcome.is_ok(), "instance {}: {}", index, outcome.unwrap_err());
    }
    Ok(())
}

/// Error of a group as the view sees it, in pixels, without the shortcuts of the selection.
fn error_pixels(asset: &Asset, group: u32, instance: &SelectableInstance, view: &View) -> f64 {
    let group = &asset.groups()[group as usize];
    let scale = f64::from(instance.scale_max);
    let center = instance.world.transform_point3(group.center.into()).as_dvec3();
    let distance = center.distance(Vec3::from(view.eye).as_dvec3()) - f64::from(group.radius) * scale;
    f64::from(group.error) * scale * f64::from(view.pixels_per_tangent) / distance.max(view.near.into())
}

#[test]
fn the_assets_are_what_the_tests_need() {
    let pages = DETAILED.pages();
    let roots = pages.iter().filter(|page| page.flags & PAGE_ROOT != 0).count();
    assert!(pages.len() >= roots + 5, "{} pages, {roots} of them roots", pages.len());
    assert!(DETAILED.groups().len() > 50, "{} groups", DETAILED.groups().len());
}

#[test]
fn what_is_outside_or_hidden_is_left_out() {
    let mut shown = Shown::whole(&PHASES, false);
    let hidden = SelectableInstance::new(0, 0, false, Affine3A::IDENTITY);
    let instances = [
        instance(0, Affine3A::IDENTITY),
        hidden,
        instance(0, at(50.0, 0.0, 0.0)),
        instance(0, at(0.0, -50.0, 0.0)),
        instance(0, at(0.0, 0.0, 6.0)),
        instance(0, at(0.5, 0.5, 0.0)),
    ];
    let selection = shown.select(&instances, &front(), limits(1.0));
    assert_eq!(selection.entries.iter().map(|entry| entry[0]).collect::<Vec<_>>(), [0, 0, 5]);
    assert_eq!((selection.triangles, selection.points), (2, 0));
}

#[test]
fn runs_follow_the_keys_and_numbers_are_dense() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances: Vec<_> = [2, 1, 0, 2, 0].map(|mesh| instance(mesh, Affine3A::IDENTITY)).to_vec();
    let keys = shown.keys.clone();
    let selection = shown.select(&instances, &front(), limits(1.0));
    let phases: Vec<_> = selection.runs.iter().map(|run| (run.key.phase, run.entries.clone())).collect();
    assert_eq!(phases, [(Phase::Opaque, 1..3), (Phase::Mask, 3..4), (Phase::Blend, 4..6)]);
    assert!(selection.runs.iter().all(|run| keys.contains(&run.key)));
    assert_eq!(selection.entries[1..].iter().map(|entry| entry[0]).collect::<Vec<_>>(), [2, 4, 1, 0, 3]);
    assert_eq!(selection.numbers, [1, 2, 3, 4, 5]);
    assert_eq!(selection.solid, 3);
    // What is masked and what is blended does not share the queue with others.
    assert!(selection.batches.iter().all(|batch| batch.flush));
    let opaque: Vec<_> = selection.batches_of(&[Phase::Opaque]).collect();
    assert_eq!((opaque.len(), opaque[0].chosen.clone()), (1, 0..2));

    let solid = SelectionLimits { blended: false, ..limits(1.0) };
    let selection = shown.select(&instances, &front(), solid);
    assert_eq!(selection.runs.iter().map(|run| run.key.phase).collect::<Vec<_>>(), [Phase::Opaque, Phase::Mask]);
}

#[test]
fn the_queue_never_overflows() {
    let mut shown = Shown::whole(&DETAILED, true);
    let instances = vec![instance(SHEET, Affine3A::IDENTITY); 3];
    let queue_length = 700;
    let narrow = SelectionLimits { small_pixels: 1.0, queue_length, ..limits(2.0) };
    shown.select(&instances, &front(), narrow);
    let selection = &shown.selection;
    assert!(selection.batches.len() > 5, "{} batches", selection.batches.len());
    let triangles = |number: &u32| {
        let [_, cluster] = selection.entries[*number as usize];
        u32::from(DETAILED.clusters()[(cluster - FIRST) as usize].triangles)
    };
    let mut queued = 0;
    for batch in &selection.batches {
        assert!(!batch.small);
        queued += selection.numbers[batch.chosen.start as usize..batch.chosen.end as usize]
            .iter()
            .map(triangles)
            .sum::<u32>();
        assert!(queued <= queue_length, "{queued} triangles at once");
        queued = if batch.flush { 0 } else { queued };
    }
    assert_eq!(queued, 0, "the last batch is flushed");
    let mut numbers = selection.numbers.clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..selection.entries.len() as u32).collect::<Vec<_>>(), "every entry once");
    let mut end = 0;
    for batch in &selection.batches {
        assert_eq!(batch.chosen.start, end, "batches lie behind one another");
        end = batch.chosen.end;
    }
    // What is small has no triangle for the queue.
    shown.select(&instances, &front(), limits(2.0));
    assert!(shown.selection.batches.iter().all(|batch| batch.small));
}

#[test]
fn what_was_hidden_is_put_off_and_numbered_all_the_same() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances: Vec<_> = [2, 1, 0, 0].map(|mesh| instance(mesh, Affine3A::IDENTITY)).to_vec();
    let view = front();
    // Something at the near plane, everywhere.
    let texels = crate::horizon::levels(SIZE)[0].size.pixels() as usize;
    let horizon = Horizon::new(view, 0, vec![1.0; texels]);
    let Shown { keys, models, selection } = &mut shown;
    selection.select(keys, models, &instances, &view, limits(1.0), Some(&horizon));
    let instance_of = |number: u32| selection.entries[number as usize][0];
    assert_eq!(selection.numbers.iter().map(|&number| instance_of(number)).collect::<Vec<_>>(), [0], "what is blended");
    assert_eq!(selection.candidates.iter().map(|one| instance_of(one.number)).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!(
        selection.candidates.iter().map(|one| (one.batch, one.first)).collect::<Vec<_>>(),
        [(0, 0), (0, 0), (1, 2)]
    );
    assert_eq!((selection.deferring_batches(), selection.triangles, selection.solid), (2, 1, 3));
    let batches: Vec<_> = selection.batches.iter().map(|batch| (batch.chosen.len(), batch.deferred.len())).collect();
    assert_eq!(batches, [(0, 2), (0, 1), (1, 0)]);

    // Nothing was seen there: nothing is hidden.
    let open = Horizon::new(view, 0, vec![0.0; texels]);
    selection.select(keys, models, &instances, &view, limits(1.0), Some(&open));
    assert_eq!((selection.numbers.len(), selection.candidates.len()), (4, 0));
}

#[test]
fn clusters_that_face_away_are_left_out_unless_both_sides_show() {
    let count = |double_sided: bool, world: Affine3A| {
        let mut shown = Shown::whole(&DETAILED, double_sided);
        shown.select(&[instance(TRIANGLE, world)], &front(), limits(1.0)).entries.len() - 1
    };
    let away = Affine3A::from_rotation_y(std::f32::consts::PI);
    assert_eq!(count(false, Affine3A::IDENTITY), 1);
    assert_eq!(count(false, away), 0);
    assert_eq!(count(true, away), 1);
    // A mirror turns what runs anticlockwise, not what is in front.
    assert_eq!(count(false, Affine3A::from_scale(Vec3::new(-1.0, 1.0, 1.0))), 1);
    // A transform that bends angles makes the cone meaningless; one without extent shows nothing.
    assert_eq!(count(false, away * Affine3A::from_scale(Vec3::new(1.0, 3.0, 1.0))), 1);
    assert_eq!(count(false, Affine3A::from_scale(Vec3::ZERO)), 0);
}

#[test]
fn mirrored_instances_are_marked() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances = transforms().map(|world| instance(0, world));
    let selection = shown.select(&instances, &all_around(Vec3::new(0.0, 0.0, 9.0)), limits(1.0));
    let mut marks: Vec<_> =
        selection.entries[1..].iter().map(|[word, _]| (word & INSTANCE_MASK, word & MIRRORED != 0)).collect();
    marks.sort_unstable();
    marks.dedup();
    assert!(marks.contains(&(2, true)) && marks.iter().all(|&(index, mirrored)| mirrored == (index == 2)), "{marks:?}");
}

#[test]
fn less_error_never_means_fewer_triangles() {
    for mesh in [SHEET, CLOUD] {
        let mut shown = Shown::whole(&DETAILED, true);
        let mut last = 0;
        let mut different = HashSet::new();
        for step in 0..24 {
            let error_pixels = 200.0 * 0.6_f32.powi(step);
            let view = all_around(Vec3::new(0.5, 0.3, 3.0));
            let triangles = shown.select(&[instance(mesh, Affine3A::IDENTITY)], &view, limits(error_pixels)).triangles;
            assert!(triangles >= last, "{triangles} with {error_pixels} pixels, {last} with more");
            last = triangles;
            different.insert(triangles);
        }
        assert!(different.len() > 8, "levels are used: {different:?}");
        let record = &DETAILED.meshes()[mesh as usize];
        assert_eq!(last, record.triangles + record.points, "without error everything original is drawn");
    }
}

#[test]
fn what_is_wanted_comes_coarse_first_until_nothing_is() {
    let mut shown = Shown::roots(&DETAILED, true);
    let instances = [instance(SHEET, Affine3A::IDENTITY), instance(CLOUD, at(0.0, 0.0, -1.0))];
    let view = all_around(Vec3::new(0.0, 0.2, 1.5));
    for round in 0.. {
        assert!(round < 100, "there is an end");
        shown.select(&instances, &view, limits(0.3));
        assert_proper(&shown, &instances).expect("a cut at every stage");
        let mut missing = Vec::new();
        for wish in most_urgent(&mut shown.selection.wanted) {
            shown.models[0].pages.require(wish.page.page, shown.selection.frame, &mut missing);
        }
        assert_eq!(missing.is_empty(), shown.selection.wanted.is_empty(), "what is wanted can be had");
        let Some(&page) = missing.first() else { break };
        shown.load(page);
        assert!(shown.models[0].pages.is_usable(page), "page {page} comes before what it depends on");
    }
    let triangles = shown.selection.triangles;
    let mut whole = Shown::whole(&DETAILED, true);
    assert_eq!(whole.select(&instances, &view, limits(0.3)).triangles, triangles, "as if everything were there");
}

fn eyes() -> impl Strategy<Value = Vec3> {
    prop_oneof![
        prop::array::uniform3(-1.5_f32..1.5).prop_map(Vec3::from),
        prop::array::uniform3(-60.0_f32..60.0).prop_map(Vec3::from),
        prop::array::uniform3(-2000.0_f32..2000.0).prop_map(Vec3::from),
    ]
}

fn errors() -> impl Strategy<Value = f32> {
    (-10.0_f32..8.0).prop_map(f32::exp2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_allowed_error_gives_a_cut_that_keeps_it(eye in eyes(), allowed in errors(), which in 0_usize..4) {
        let mut shown = Shown::whole(&DETAILED, true);
        let instances = [SHEET, CLOUD, TRIANGLE].map(|mesh| instance(mesh, transforms()[which]));
        let view = all_around(eye);
        shown.select(&instances, &view, limits(allowed));
        prop_assert!(shown.selection.wanted.is_empty());
        assert_proper(&shown, &instances)?;
        for (index, drawn) in shown.drawn() {
            for cluster in drawn {
                let refined = DETAILED.clusters()[cluster as usize].refined;
                if refined != NONE {
                    let seen = error_pixels(&DETAILED, refined, &instances[index as usize], &view);
                    prop_assert!(seen <= f64::from(allowed) * 1.001, "{seen} pixels of {allowed}");
                }
            }
        }
    }

    /// Whatever comes and goes: what is drawn is a cut, and what is missing in it is asked for.
    #[test]
    fn any_pages_give_a_cut_and_the_rest_is_wanted(
        steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..60),
        eye in eyes(),
        allowed in errors(),
    ) {
        let mut shown = Shown::roots(&DETAILED, true);
        let instances = [instance(SHEET, transforms()[1]), instance(CLOUD, transforms()[2])];
        let view = all_around(eye);
        for (step, (loads, which)) in steps.into_iter().enumerate() {
            let pages = &shown.models[0].pages;
            let candidates: Vec<u32> = match loads {
                true => (0..DETAILED.pages().len() as u32).filter(|&page| !pages.is_loaded(page)).collect(),
                false => pages.all_evictable(u64::MAX).map(|(_, page)| page).collect(),
            };
            if candidates.is_empty() {
                continue;
            }
            let page = candidates[which.index(candidates.len())];
            if loads { shown.load(page) } else { shown.evict(page) }
            if step % 5 != 0 {
                continue;
            }
            shown.select(&instances, &view, limits(allowed));
            assert_proper(&shown, &instances)?;
            let pages = &shown.models[0].pages;
            let wanted: HashSet<u32> = shown.selection.wanted.iter().map(|wish| wish.page.page).collect();
            prop_assert!(wanted.iter().all(|&page| !pages.is_usable(page)));
            for instance in &instances {
                let mesh = &DETAILED.meshes()[instance.mesh as usize];
                for group in mesh.group_first..mesh.group_first + mesh.group_count {
                    let page = DETAILED.groups()[group as usize].page;
                    let too_coarse = error_pixels(&DETAILED, group, instance, &view) > f64::from(allowed) * 1.001;
                    prop_assert!(!too_coarse || pages.is_usable(page) || wanted.contains(&page), "page {page}");
                }
            }
        }
    }

    /// What is left out because it is turned away shows no side that is seen.
    #[test]
    fn cones_leave_out_only_what_cannot_be_seen(eye in eyes(), allowed in errors(), which in 0_usize..4) {
        let world = transforms()[which];
        let instances = [instance(SHEET, world)];
        let view = all_around(eye);
        let drawn = [true, false].map(|double_sided| {
            let mut shown = Shown::whole(&DETAILED, double_sided);
            shown.select(&instances, &view, limits(allowed));
            shown.drawn().remove(&0).unwrap_or_default()
        });
        prop_assert!(drawn[1].is_subset(&drawn[0]));
        let local_eye = world.inverse().transform_point3(eye).as_dvec3();
        let mesh = &DETAILED.meshes()[SHEET as usize];
        for &cluster in drawn[0].difference(&drawn[1]) {
            for corners in DETAILED.triangles(mesh, cluster) {
                let [a, b, c] = corners.map(|corner| corner.as_dvec3());
                let facing = (b - a).cross(c - a).normalize_or_zero().dot((local_eye - a).normalize_or_zero());
                prop_assert!(facing < 1e-2, "cluster {cluster} shows {facing}");
            }
        }
    }

    /// A point of a mesh that projects into the picture is never culled.
    #[test]
    fn what_can_be_seen_is_selected(
        position in prop::array::uniform3(-20_f32..20.0),
        angles in prop::array::uniform3(-3_f32..3.0),
        point in prop::array::uniform3(-30_f32..30.0),
        scale in 0.1_f32..3.0,
    ) {
        let camera = Camera {
            position: Vec3::from(position).as_dvec3(),
            orientation: Quat::from_euler(glam::EulerRot::YXZ, angles[0], angles[1], angles[2]),
            ..camera()
        };
        let local = camera.orientation.inverse() * (Vec3::from(point) - Vec3::from(position));
        let tangent = (camera.vertical_field_of_view * 0.5).tan();
        let seen = -local.z > camera.near
            && local.y.abs() < -local.z * tangent
            && local.x.abs() < -local.z * tangent * SIZE.aspect();
        // The point is the triangle's first corner.
        let world = Affine3A::from_translation(point.into())
            * Affine3A::from_scale(Vec3::splat(scale))
            * at(0.1, 0.1, 0.0);
        let mut shown = Shown::whole(&PHASES, true);
        let view = View::new(&camera, DVec3::ZERO, SIZE);
        let selection = shown.select(&[instance(0, world)], &view, limits(1.0));
        prop_assert!(!seen || selection.runs.len() == 1);
    }

    /// The bound of the diameter holds for spheres anywhere in the view.
    #[test]
    fn diameters_are_not_underestimated(x in -4_f32..4.0, y in -2_f32..2.0, z in -30_f32..3.0, radius in 0.01_f32..1.0) {
        let view = front();
        let center = Vec3::new(x, y, z);
        let bound = view.diameter_pixels(center.into(), radius);
        let project = |point: Vec3| glam::vec2(point.x, point.y) / (5.0 - point.z) * view.pixels_per_tangent;
        prop_assume!(5.0 - z - radius > 0.1);
        for i in 0..64 {
            let angle = i as f32 * 0.3;
            let offset = Vec3::new(angle.cos() * (i as f32).sin(), angle.sin() * (i as f32).sin(), (i as f32).cos());
            let distance = project(center + offset * radius).distance(project(center - offset * radius));
            prop_assert!(distance <= bound * 1.001, "{distance} > {bound}");
        }
    }
}

#[test]
fn many_instances_are_looked_at_in_shares_and_nothing_tells() {
    let places = || (0..40).map(|index| at((index % 8) as f32 - 3.5, (index / 8) as f32 - 2.0, (index % 3) as f32));
    let instances: Vec<SelectableInstance> =
        places().zip(0..).map(|(world, index)| instance([SHEET, CLOUD, TRIANGLE][index % 3], world)).collect();
    let select = |share_length: usize| {
        let mut shown = Shown::roots(&DETAILED, false);
        shown.selection.share_length = ShareLength(share_length);
        shown.select(&instances, &front(), limits(3.0));
        let frame = shown.selection.frame;
        let looked_at: Vec<u32> = shown.models[0].pages.all_evictable(frame + 1).map(|(_, page)| page).collect();
        (shown.selection, looked_at)
    };
    let ((whole, pages), (shared, shared_pages)) = (select(1000), select(3));
    assert!(whole.entries.len() > 40 && !whole.wanted.is_empty(), "there is something to compare");
    assert_eq!(shared.entries, whole.entries);
    assert_eq!(shared.numbers, whole.numbers);
    assert_eq!(shared.runs, whole.runs);
    assert_eq!(shared.batches, whole.batches);
    assert_eq!(shared.wanted.len(), whole.wanted.len());
    let area = |selection: &Selection| selection.solid_reach.area(Size::new(160, 180));
    assert_eq!(area(&shared), area(&whole));
    assert_eq!(shared_pages, pages);
}
