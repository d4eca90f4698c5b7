//! Residency of geometry: frames never wait for it, memory stays bounded, and nothing damaged is drawn.

use std::io::Cursor;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use glam::{Affine3A, Vec3};
use remora_asset::layout::{PAGE_BYTES_MAX, PAGE_ROOT};
use remora_asset::{Asset, Content};
use remora_build::{BuildOptions, build_into};
use remora_model::{Material, Model};
use remora_render::{
    Camera, GraphicsOptions, PrepareOptions, PreparedAsset, RenderError, RenderedFrame, RendererOptions, Samples,
};

use crate::detail::holes;
use crate::perceptual::difference;
use crate::shapes::{bumpy, texture};
use crate::studio::{Parts, Studio, asset, at, camera, matte, request};

/// Three sheets in a row, about ten pages each.
static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let mut parts = Parts::default();
    let base = parts.texture(texture(64, true, |u, v| [0.5 + u * 0.5, 0.5 + v * 0.5, 0.6, 1.0]));
    for place in [-6.0, 0.0, 6.0] {
        let material = Material { base_color_texture: Some(base), double_sided: true, ..matte(1.0, 1.0, 1.0) };
        parts.add(&bumpy(170), material, at(place, 0.0, 0.0));
    }
    parts.model()
});
static SHEETS: LazyLock<Asset> = LazyLock::new(|| asset(&MODEL));

/// The smallest budget.
const BUDGET: u64 = 16 * PAGE_BYTES_MAX as u64;

/// Pixels by which the outline of coarser clusters may differ in the overview.
const COARSE_PIXELS: u32 = 6;

fn studio(geometry_bytes_max: u64) -> Studio {
    Studio::within(&GraphicsOptions::default(), &RendererOptions { geometry_bytes_max, ..Default::default() })
}

/// Returns a camera in front of a sheet, which fills the height of the frame.
fn before(sheet: usize) -> Camera {
    let x = [-6.0, 0.0, 6.0][sheet];
    camera(Vec3::new(x, 0.0, 2.2), Vec3::new(x, 0.0, 0.0))
}

/// Returns a camera that sees all three sheets.
fn overview() -> Camera {
    camera(Vec3::new(0.0, 0.5, 12.0), Vec3::ZERO)
}

fn pages(is_root: bool) -> usize {
    SHEETS.pages().iter().filter(|page| (page.flags & PAGE_ROOT != 0) == is_root).count()
}

fn settled(geometry_bytes_max: u64, asset: &Asset, camera: Camera) -> (RenderedFrame, u64) {
    let mut studio = studio(geometry_bytes_max);
    studio.show_asset(asset);
    let (frame, done) = studio.draw(&request(camera, Samples::One));
    assert_eq!(done.pages_missing, 0);
    (frame, done.triangles_drawn)
}

#[test]
fn frames_never_wait_and_memory_stays_within_the_budget() {
    assert!(pages(false) > 24 && pages(true) < 4, "{} pages and {} roots", pages(false), pages(true));
    let mut small = studio(BUDGET);
    let view = request(overview(), Samples::One);
    small.draw_once(&view);
    let empty = small.renderer.graphics_memory_bytes();
    small.show_asset(&SHEETS);
    let (first, done) = small.draw_once(&view);
    assert!(done.pages_missing > 0, "{done:?}");
    let (whole, triangles) = settled(RendererOptions::default().geometry_bytes_max, &SHEETS, overview());
    assert_eq!(holes(&first, &whole, COARSE_PIXELS), 0, "what is there is shown whole");

    let (last, done) = small.draw(&view);
    assert!(done.pages_missing > 0, "there is no room for everything");
    let held = small.renderer.graphics_memory_bytes() - empty;
    let roots = (pages(true) * PAGE_BYTES_MAX) as u64;
    // Texture layers, materials and cluster records take little.
    assert!(held <= roots + (1 << 20), "{held} bytes more than the budget, of which {roots} are roots");
    assert_eq!(holes(&last, &whole, COARSE_PIXELS), 0);
    let [early, late] = [&first, &last].map(|frame| difference(&whole, frame).mean);
    assert!(late < early * 0.7, "{early} at first, {late} in the end");
    // Pages that do not fit are not read repeatedly.
    for _ in 0..3 {
        let (again, done) = small.draw_once(&view);
        assert!(again == last && done.pages_missing > 0);
        assert!(!small.renderer.await_pages(std::time::Duration::from_mins(1)).expect("nothing is on its way"));
    }

    let mut roomy = studio(64 << 20);
    roomy.show_asset(&SHEETS);
    let (frame, done) = roomy.draw(&view);
    assert_eq!((done.pages_missing, done.triangles_drawn), (0, triangles));
    assert!(frame == whole);
}

#[test]
fn evicted_pages_return_with_the_camera() {
    let mut small = studio(BUDGET);
    small.show_asset(&SHEETS);
    for sheet in [0, 1, 2, 0, 2, 1] {
        let (frame, done) = small.draw(&request(before(sheet), Samples::One));
        assert_eq!(done.pages_missing, 0, "one sheet fits");
        let (wanted, triangles) = settled(64 << 20, &SHEETS, before(sheet));
        assert!(frame == wanted, "sheet {sheet}");
        assert_eq!(done.triangles_drawn, triangles);
    }
}

/// A container that records how many of its bytes are released.
struct ReleaseRecorder {
    words: Vec<u128>,
    released_bytes: AtomicUsize,
}

impl Content for ReleaseRecorder {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }

    fn release(&self, range: Range<usize>) {
        self.released_bytes.fetch_add(range.len(), Ordering::Relaxed);
    }
}

#[test]
fn the_page_cache_stays_within_its_budget() {
    const BYTES_MAX: usize = 4 * PAGE_BYTES_MAX;
    let mut bytes = Vec::new();
    build_into(&MODEL, &BuildOptions::default(), &|_| {}, &|| false, Cursor::new(&mut bytes))
        .expect("the asset is built");
    let mut words = vec![0_u128; bytes.len().div_ceil(16)];
    bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
    let content = Arc::new(ReleaseRecorder { words, released_bytes: AtomicUsize::new(0) });
    let asset = Asset::open(content.clone()).expect("the asset is sound");
    let bytes_of = |is_root: bool| -> usize {
        let pages = asset.pages().iter().filter(|page| (page.flags & PAGE_ROOT != 0) == is_root);
        pages.map(|page| page.bytes as usize).sum()
    };
    let layers: usize = asset.layers().iter().map(|layer| layer.bytes as usize).sum();
    let options = RendererOptions { page_memory_bytes_max: BYTES_MAX as u64, ..Default::default() };
    let mut studio = Studio::within(&GraphicsOptions::default(), &options);
    studio.show_asset(&asset);
    let released = || content.released_bytes.load(Ordering::Relaxed);
    assert_eq!(released(), layers + bytes_of(true), "what stays on the device");

    let (frame, done) = studio.draw(&request(overview(), Samples::One));
    assert_eq!(done.pages_missing, 0);
    let cached = layers + bytes_of(true) + bytes_of(false) - released();
    assert!(cached <= BYTES_MAX && cached > BYTES_MAX - PAGE_BYTES_MAX, "{cached} bytes are cached");
    let (whole, _) = settled(RendererOptions::default().geometry_bytes_max, &SHEETS, overview());
    assert!(frame == whole);
}

#[test]
fn a_model_may_be_removed_while_its_pages_are_in_flight() {
    let view = request(overview(), Samples::One);
    let (wanted, _) = settled(64 << 20, &SHEETS, overview());
    let mut studio = studio(64 << 20);
    let (empty, _) = studio.draw_once(&view);
    for round in 0..3 {
        let added = studio.show_asset(&SHEETS);
        let (_, done) = studio.draw_once(&view);
        assert!(done.pages_missing > 0);
        studio.scene.clear();
        studio.renderer.remove_model(added.model);
        assert!(studio.draw_once(&view).0 == empty, "round {round}");
    }
    studio.show_asset(&SHEETS);
    assert!(studio.draw(&view).0 == wanted, "pages of models that went are not taken for others");
}

fn damaged(page: usize) -> Asset {
    let mut bytes = Vec::new();
    build_into(&MODEL, &BuildOptions::default(), &|_| {}, &|| false, Cursor::new(&mut bytes))
        .expect("the asset is built");
    bytes[SHEETS.pages()[page].offset as usize + 1000] ^= 0x10;
    Asset::from_bytes(&bytes).expect("the tables are sound")
}

#[test]
fn a_damaged_page_is_not_drawn_but_the_rest_is() {
    let (whole, triangles) = settled(64 << 20, &SHEETS, overview());
    for page in [SHEETS.pages().len() - 1, pages(true)] {
        let (frame, drawn) = settled(64 << 20, &damaged(page), overview());
        assert!(drawn < triangles, "page {page}");
        assert_eq!(holes(&frame, &whole, COARSE_PIXELS), 0, "what stands for the page is shown");
        let seen = difference(&whole, &frame);
        assert!(seen.mean > 0.0 && seen.mean < 1.5, "page {page}: {seen:?}");
    }

    let mut studio = studio(BUDGET);
    let held = studio.renderer.graphics_memory_bytes();
    let broken = damaged(0);
    let options = PrepareOptions::for_adapter(studio.renderer.graphics().adapter());
    let prepared = PreparedAsset::new(&broken, &options).expect("no layer is damaged");
    let key = studio.scene.next_model();
    let error = studio.renderer.add_model(key, &prepared).unwrap_err();
    assert!(matches!(error, RenderError::Damaged(_)) && error.to_string().contains("page 0"), "{error}");
    studio.show_asset(&SHEETS);
    studio.scene.clear();
    studio.renderer.clear();
    assert!(studio.renderer.graphics_memory_bytes() <= held + (2 << 20), "the model is removed");
}

#[test]
fn a_lost_device_is_reported_and_another_one_continues() {
    let mut studio = Studio::new();
    let mut parts = Parts::default();
    parts.add(&bumpy(30), matte(0.4, 0.6, 0.8), Affine3A::from_rotation_x(-0.6));
    let model = asset(&parts.model());
    studio.show_asset(&model);
    let view = request(camera(Vec3::new(0.0, 0.0, 4.0), Vec3::ZERO), Samples::Four);
    let (wanted, _) = studio.draw(&view);
    studio.renderer.graphics().lose();
    for _ in 0..2 {
        let error = studio.renderer.submit(&view).unwrap_err();
        assert!(matches!(error, RenderError::DeviceLost(_)), "{error}");
    }
    let mut other = Studio::new();
    other.show_asset(&model);
    assert!(other.draw(&view).0 == wanted, "the frames differ");
}
