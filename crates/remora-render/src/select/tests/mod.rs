//! Cuts through small assets, without a device.

mod cut;
mod numbering;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use glam::{Affine3A, DAffine3, DVec3, Quat, Vec3, Vec4};
use proptest::prelude::*;
use remora_asset::Asset;
use remora_asset::layout::{NONE, PAGE_ROOT};
use remora_build::{BuildOptions, build_asset};
use remora_model::{AlphaMode, Material, Mesh, Model, Node, Points, Primitive};

use super::*;
use crate::frame::{Camera, Size};
use crate::kernels::shared::ENTRY_MIRRORED;
use crate::residency::pages::{Pages, most_urgent};
use crate::residency::prepare::{PrepareOptions, PreparedAsset};
use crate::residency::selectable::PageLocation;
use crate::surface::{DrawMode, Surface};

const SIZE: Size = Size::new(640, 360);
/// Number of an asset's first cluster on the device.
const FIRST: u32 = 1000;
const BANKS: u32 = 2;

/// A sheet from -1 to 1 in x and y, with waves of several lengths.
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
    build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false).expect("the asset is built")
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

/// A model as the store makes it, with only its roots on the device. Pages alternate between the banks.
struct Shown {
    keys: Vec<DrawKey>,
    models: Vec<SelectableModel>,
    selection: Selection,
}

impl Shown {
    /// Loads the root pages only. If both sides are shown, no cluster faces away.
    fn roots(asset: &Asset, double_sided: bool) -> Self {
        let options = PrepareOptions { texture_dimension_max: 64, blocks: false };
        let mut surfaces = PreparedAsset::new(asset, &options).expect("the asset is sound").surfaces;
        surfaces.push(Surface::POINTS);
        surfaces.iter_mut().for_each(|surface| surface.double_sided |= double_sided);
        let list = || SelectableModel::key_list(&surfaces, BANKS as u8);
        let mut keys: Vec<DrawKey> = list().collect();
        keys.sort_unstable();
        keys.dedup();
        let own = list().map(|key| keys.binary_search(&key).expect("it has just been listed") as u32).collect();
        let locations = vec![None; asset.pages().len()];
        let model = SelectableModel { asset: asset.clone(), pages: Pages::new(asset), locations, surfaces, keys: own };
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
        model.locations[page as usize] = Some(PageLocation { bank: (page % BANKS) as u8, first });
        model.pages.loaded(page, frame);
    }

    fn evict(&mut self, page: u32) {
        self.models[0].pages.evicted(page);
        self.models[0].locations[page as usize] = None;
    }

    fn select(&mut self, instances: &[SelectableInstance], view: &View, limits: SelectionLimits) -> &Selection {
        self.selection.wanted.clear();
        self.selection.select(&self.keys, &self.models, instances, view, limits, None);
        &self.selection
    }

    /// Returns the drawn clusters of each instance.
    fn drawn(&self) -> HashMap<u32, HashSet<u32>> {
        let mut drawn: HashMap<u32, HashSet<u32>> = HashMap::new();
        for &[instance, cluster] in &self.selection.entries[1..] {
            let is_new = drawn.entry(instance & !ENTRY_MIRRORED).or_default().insert(cluster - FIRST);
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

/// Returns a view that contains everything.
fn all_around(eye: Vec3) -> View {
    let camera = Camera { position: eye.as_dvec3(), ..camera() };
    View { planes: [Vec4::new(0.0, 0.0, 0.0, f32::MAX); 5], ..View::new(&camera, DVec3::ZERO, SIZE) }
}

fn limits(error_pixels: f32) -> SelectionLimits {
    SelectionLimits { error_pixels, blended: true, small_pixels: 1e9, queue_length: 1000 }
}

fn instance(mesh: u32, world: Affine3A) -> SelectableInstance {
    SelectableInstance::new(0, mesh, Some(DrawMode::Normal), world)
}

fn at(x: f32, y: f32, z: f32) -> Affine3A {
    Affine3A::from_translation(Vec3::new(x, y, z))
}

/// Returns one transform of each kind.
fn transforms() -> [Affine3A; 4] {
    let turned = Affine3A::from_quat(Quat::from_euler(glam::EulerRot::XYZ, 0.4, -0.7, 1.9));
    let mirrored = Affine3A::from_scale(Vec3::new(-0.5, 0.5, 0.5));
    let uneven = turned * Affine3A::from_scale(Vec3::new(0.3, 2.0, 1.0)) * turned.inverse();
    [Affine3A::IDENTITY, at(1.0, -2.0, 0.5) * turned, at(0.0, 1.0, 0.0) * mirrored, at(-2.0, 0.0, 1.0) * uneven]
}

#[test]
fn the_assets_are_what_the_tests_need() {
    let pages = DETAILED.pages();
    let roots = pages.iter().filter(|page| page.flags & PAGE_ROOT != 0).count();
    assert!(pages.len() >= roots + 5, "{} pages, {roots} of them roots", pages.len());
    assert!(DETAILED.groups().len() > 50, "{} groups", DETAILED.groups().len());
}
