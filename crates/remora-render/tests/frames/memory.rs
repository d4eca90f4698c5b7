//! Graphics memory is freed, with or without frames in between.

use remora_render::{PrepareOptions, PreparedAsset, Samples};

use crate::coverage::front;
use crate::shapes::{bumpy, texture};
use crate::studio::{Parts, Studio, asset, at, matte};

const MEBIBYTE: u64 = 1 << 20;

/// Side of a texture with which a model takes about 10 MiB on the device.
const LARGE: u32 = 1024;

fn prepared(studio: &Studio, texture_side: u32) -> PreparedAsset {
    let mut parts = Parts::default();
    let image = parts.texture(texture(texture_side, true, |u, v| [u, v, u * v, 1.0]));
    let material = remora_model::Material { base_color_texture: Some(image), ..matte(1.0, 1.0, 1.0) };
    parts.add(&bumpy(100), material, at(0.0, 0.0, 0.0));
    let options = PrepareOptions::for_adapter(studio.renderer.graphics().adapter());
    PreparedAsset::new(&asset(&parts.model()), &options).expect("the asset is sound")
}

fn allocated(studio: &Studio) -> u64 {
    studio.renderer.graphics().allocated_bytes().expect("the driver's allocator keeps accounts")
}

#[test]
fn models_removed_without_a_frame_free_their_memory() {
    let mut studio = Studio::new();
    let prepared = prepared(&studio, LARGE);
    let bytes = prepared.graphics_bytes();
    assert!(bytes > 5 * MEBIBYTE);
    for by_one in [true, false] {
        let mut most = Vec::new();
        for _ in 0..20 {
            let added = studio.show_prepared(&prepared);
            studio.scene.clear();
            most.push(allocated(&studio));
            if by_one { studio.renderer.remove_model(added.model) } else { studio.renderer.clear() }
        }
        let (early, late) = most.split_at(5);
        let [early, late] = [early, late].map(|part| part.iter().max().copied().unwrap_or_default());
        assert!(late <= early + MEBIBYTE, "{early} bytes, and later {late}, of models of {bytes}");
    }
}

#[test]
fn models_added_without_a_frame_leave_no_staging_memory() {
    let mut studio = Studio::new();
    let prepared = prepared(&studio, LARGE);
    for _ in 0..3 {
        studio.show_prepared(&prepared);
    }
    studio.renderer.graphics().settle();
    let waiting = allocated(&studio);
    // A frame submits everything.
    studio.frame(front(), Samples::One);
    studio.renderer.graphics().settle();
    let settled = allocated(&studio);
    assert!(waiting <= settled, "{waiting} bytes before a frame, {settled} after it");
}

#[test]
fn the_last_of_many_models_frees_all_memory_when_it_is_removed() {
    let mut studio = Studio::new();
    studio.renderer.clear();
    let empty = allocated(&studio);
    let prepared = prepared(&studio, 64);
    // Together they have more pages than an empty store has room for.
    let models: Vec<_> = (0..40).map(|_| studio.show_prepared(&prepared).model).collect();
    let full = allocated(&studio);
    assert!(full > empty + 4 * MEBIBYTE, "{empty} bytes before, {full} with all models");
    studio.scene.clear();
    models.into_iter().for_each(|model| studio.renderer.remove_model(model));
    let left = allocated(&studio);
    assert!(left <= empty + MEBIBYTE, "{empty} bytes before, {left} after");
}

#[test]
fn an_emptied_scene_takes_no_more_memory_than_a_new_one() {
    let mut studio = Studio::new();
    studio.renderer.warm_up(Samples::Four).expect("the renderer draws");
    studio.renderer.release_targets();
    studio.renderer.clear();
    let empty = allocated(&studio);
    let prepared = prepared(&studio, LARGE);
    studio.show_prepared(&prepared);
    let shown = studio.frame(front(), Samples::Four);
    assert!(allocated(&studio) > empty + prepared.graphics_bytes());
    studio.scene.clear();
    studio.renderer.release_targets();
    studio.renderer.clear();
    let left = allocated(&studio);
    assert!(left <= empty + MEBIBYTE, "{empty} bytes before, {left} after");
    studio.show_prepared(&prepared);
    assert!(studio.frame(front(), Samples::Four) == shown, "everything is made again");
}
