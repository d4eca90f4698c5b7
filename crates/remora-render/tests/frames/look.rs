//! Appearance of surfaces, compared with golden images.

use crate::perceptual::{assert_golden, difference};
use crate::shapes::{sheet, sphere, texture};
use crate::studio::{Parts, Studio, at, camera, matte, unlit};
use glam::{Affine3A, Vec3};
use remora_model::{AlphaMode, Material, Primitive, Sampler, Texture, Wrap};
use remora_render::Samples;

fn front() -> remora_render::Camera {
    camera(Vec3::new(0.0, 0.0, 9.0), Vec3::ZERO)
}

#[test]
fn rough_and_metallic_spheres() {
    let mut parts = Parts::default();
    let ball = sphere(48, 64);
    for row in 0..2 {
        for column in 0..5 {
            let material = Material {
                base_color: [0.9, 0.6, 0.3, 1.0],
                metallic: row as f32,
                roughness: column as f32 / 4.0,
                ..Default::default()
            };
            let place = at(column as f32 * 2.1 - 4.2, 1.2 - row as f32 * 2.4, 0.0);
            parts.add(&ball, material, place);
        }
    }
    let mut studio = Studio::new();
    studio.show(parts.model());
    assert_golden("rough_and_metallic_spheres", &studio.frame(front(), Samples::Four));
}

/// Shows two balls so that their size cannot be seen in the frame. One is metallic, and one has a normal map.
fn balls(studio: &mut Studio, radius: f32, scaled_by_node: bool) -> remora_render::RenderedFrame {
    let mut parts = Parts::default();
    let normal = parts.texture(ripples());
    let mut ball = sphere(48, 64);
    let scale = if scaled_by_node { radius } else { 1.0 };
    for position in &mut ball.positions {
        *position = position.map(|along| along * radius / scale);
    }
    let place = |x: f32| at(x * radius, 0.0, 0.0) * Affine3A::from_scale(Vec3::splat(scale));
    let metal = Material { metallic: 1.0, roughness: 0.25, base_color: [0.8, 0.8, 0.82, 1.0], ..Default::default() };
    parts.add(&ball, matte(0.9, 0.6, 0.3), place(-2.2));
    parts.add(&ball, metal.clone(), place(0.0));
    parts.add(&ball, Material { normal_texture: Some(normal), ..metal }, place(2.2));
    studio.scene.clear();
    studio.renderer.clear();
    studio.show(parts.model());
    let view = camera(Vec3::new(0.0, 2.0, 6.0) * radius, Vec3::ZERO);
    studio.frame(remora_render::Camera { near: 0.01 * radius, ..view }, Samples::Four)
}

#[test]
fn a_ball_of_a_tenth_of_a_millimetre_looks_like_one_of_a_kilometre() {
    let mut studio = Studio::new();
    for radius in [5e-5, 5e-4, 5e-3, 0.05, 0.5, 5.0, 50.0, 500.0] {
        for scaled_by_node in [false, true] {
            assert_golden("balls_of_any_size", &balls(&mut studio, radius, scaled_by_node));
        }
    }
}

fn ripples() -> Texture {
    texture(128, false, |u, v| {
        let slope = |t: f32| (t * 50.0).sin() * 0.5;
        let [x, y] = [slope(u), slope(v)];
        let length = (x * x + y * y + 1.0).sqrt();
        [x / length * 0.5 + 0.5, y / length * 0.5 + 0.5, 0.5 / length + 0.5, 1.0]
    })
}

#[test]
fn maps_bend_shade_and_glow() {
    let mut parts = Parts::default();
    let normal = parts.texture(ripples());
    let shadows = parts.texture(texture(64, false, |u, v| [((u * 6.0).fract() * (v * 6.0).fract()).sqrt(); 4]));
    let lights = parts.texture(texture(64, true, |u, v| {
        let lit = (u * 8.0).fract() < 0.3 && (v * 4.0).fract() < 0.5;
        if lit { [1.0, 0.5, 0.1, 1.0] } else { [0.0, 0.0, 0.0, 1.0] }
    }));
    let rough = parts.texture(texture(64, false, |u, v| [1.0, u, if v > 0.5 { 1.0 } else { 0.0 }, 1.0]));
    let checks = parts.texture(texture(64, true, |u, v| {
        let odd = ((u * 8.0) as u32 + (v * 8.0) as u32) % 2 == 1;
        if odd { [0.9, 0.2, 0.1, 1.0] } else { [0.9, 0.9, 0.85, 1.0] }
    }));
    let ball = sphere(48, 64);
    let mut place = -4.2;
    let mut add = |material| {
        parts.add(&ball, material, at(place, 0.0, 0.0));
        place += 2.1;
    };
    let metal = Material { metallic: 1.0, roughness: 0.25, base_color: [0.8, 0.8, 0.82, 1.0], ..Default::default() };
    add(Material { normal_texture: Some(normal), ..metal.clone() });
    add(Material { occlusion_texture: Some(shadows), ..matte(0.7, 0.7, 0.7) });
    add(Material { emissive: [2.0; 3], emissive_texture: Some(lights), ..matte(0.1, 0.1, 0.1) });
    add(Material { metallic_roughness_texture: Some(rough), roughness: 1.0, ..metal });
    add(Material { base_color_texture: Some(checks), normal_texture: Some(normal), ..matte(1.0, 1.0, 1.0) });
    let mut studio = Studio::new();
    studio.show(parts.model());
    assert_golden("maps_bend_shade_and_glow", &studio.frame(front(), Samples::Four));
}

#[test]
fn textures_wrap_as_specified_and_keep_their_own_transforms() {
    let mut parts = Parts::default();
    let frame = |wrap| Texture {
        sampler: Sampler { wrap_u: wrap, wrap_v: wrap },
        ..texture(64, true, |u, v| [u, v, if u > v { 1.0 } else { 0.0 }, 1.0])
    };
    let mut place = -4.2;
    for wrap in [Wrap::Repeat, Wrap::MirroredRepeat, Wrap::ClampToEdge] {
        let mut reference = parts.texture(frame(wrap));
        reference.transform = [[2.5, 0.0, -0.75], [0.0, 2.5, -0.75]];
        let material = Material { base_color_texture: Some(reference), ..unlit(1.0, 1.0, 1.0) };
        parts.add(&sheet(1), material, at(place, 0.0, 0.0));
        place += 2.8;
    }
    // Two transforms in one material.
    let mut base = parts.texture(frame(Wrap::Repeat));
    base.transform = [[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]];
    let mut normal = parts.texture(ripples());
    normal.transform = [[0.3, 0.0, 0.0], [0.0, 0.3, 0.0]];
    let material = Material { base_color_texture: Some(base), normal_texture: Some(normal), ..matte(1.0, 1.0, 1.0) };
    parts.add(&sheet(1), material, at(place, 0.0, 0.0));
    let mut studio = Studio::new();
    studio.show(parts.model());
    assert_golden("wraps_and_transforms", &studio.frame(front(), Samples::Four));
}

/// Exporters of voxels and of avatars write a row of colours, and faces that refer to one of them each.
#[test]
fn palette_colours_are_exact() {
    const COLORS: u32 = 256;
    let color = |index: u32| {
        let mixed = (index + 1).wrapping_mul(0x9e37_79b9);
        [(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8, 255]
    };
    let mut parts = Parts::default();
    let palette = parts.texture(Texture {
        width: COLORS,
        height: 1,
        rgba: (0..COLORS).flat_map(color).collect(),
        ..texture(1, true, |_, _| [0.0; 4])
    });
    let mut faces = Primitive::default();
    for index in 0..COLORS {
        let first = faces.positions.len() as u32;
        let (x, y) = ((index % 16) as f32 / 8.0 - 1.0, 1.0 - (index / 16) as f32 / 8.0);
        for [across, down] in [[0.0, 0.0], [0.0, 0.125], [0.125, 0.0], [0.125, 0.125]] {
            faces.positions.push([x + across, y - down, 0.0]);
            faces.normals.push([0.0, 0.0, 1.0]);
            faces.texture_coordinates.push([(index as f32 + 0.5) / COLORS as f32, 0.5]);
        }
        faces.indices.extend([0, 1, 2, 2, 1, 3].map(|corner| first + corner));
    }
    let material = Material { base_color_texture: Some(palette), ..unlit(1.0, 1.0, 1.0) };
    parts.add(&faces, material, Affine3A::IDENTITY);
    let mut studio = Studio::new();
    studio.show(parts.model());
    let height = 1.1;
    let view = camera(Vec3::new(0.0, 0.0, height / 0.35_f32.tan()), Vec3::ZERO);
    let frame = studio.frame(view, Samples::One);
    let scale = frame.height as f32 * 0.5 / height;
    for index in 0..COLORS {
        let (x, y) = ((index % 16) as f32 / 8.0 - 0.9375, 0.9375 - (index / 16) as f32 / 8.0);
        let column = (frame.width as f32 * 0.5 + x * scale) as usize;
        let row = (frame.height as f32 * 0.5 - y * scale) as usize;
        let seen = &frame.data[(row * frame.width as usize + column) * 4..][..3];
        let close = seen.iter().zip(color(index)).all(|(seen, wanted)| seen.abs_diff(wanted) <= 2);
        assert!(close, "colour {index} is {:?} in the file, {seen:?} is seen", &color(index)[..3]);
    }
}

#[test]
fn masks_cut_holes() {
    let mut parts = Parts::default();
    let holes = parts.texture(texture(64, true, |u, v| {
        let hole = ((u * 4.0).fract() - 0.5).powi(2) + ((v * 4.0).fract() - 0.5).powi(2) < 0.1;
        [0.3, 0.7, 0.3, if hole { 0.0 } else { 1.0 }]
    }));
    let leaf = |reference| Material {
        base_color_texture: Some(reference),
        alpha_mode: AlphaMode::Mask { cutoff: 0.5 },
        double_sided: true,
        ..matte(1.0, 1.0, 1.0)
    };
    // Leaves of two large triangles, of many small ones, and one that crosses the near plane.
    parts.add(&sheet(1), leaf(holes), at(-2.2, 0.0, 1.0) * Affine3A::from_scale(Vec3::splat(2.0)));
    parts.add(&sheet(60), leaf(holes), at(2.2, 0.0, 1.0) * Affine3A::from_scale(Vec3::splat(2.0)));
    let floor = Affine3A::from_rotation_x(-1.5) * Affine3A::from_scale(Vec3::splat(12.0));
    parts.add(&sheet(1), leaf(holes), at(0.0, -2.4, 6.0) * floor);
    parts.add(&sphere(32, 48), matte(0.9, 0.2, 0.2), at(0.0, 0.0, -1.0) * Affine3A::from_scale(Vec3::splat(1.5)));
    let mut studio = Studio::new();
    studio.show(parts.model());
    assert_golden("masks_cut_holes", &studio.frame(front(), Samples::One));
}

#[test]
fn transparent_surfaces_are_blended_in_order() {
    let mut parts = Parts::default();
    let glass = |red, green, blue| Material {
        base_color: [red, green, blue, 0.5],
        alpha_mode: AlphaMode::Blend,
        double_sided: true,
        ..unlit(red, green, blue)
    };
    // Panes listed from front to back, from back to front, and intersecting.
    parts.add(&sheet(1), glass(1.0, 0.0, 0.0), at(-3.5, 0.3, 1.0));
    parts.add(&sheet(1), glass(0.0, 1.0, 0.0), at(-3.0, 0.0, 0.5));
    parts.add(&sheet(1), glass(0.0, 0.0, 1.0), at(-2.5, -0.3, 0.0));
    parts.add(&sheet(30), glass(0.0, 0.0, 1.0), at(0.5, -0.3, 0.0));
    parts.add(&sheet(30), glass(0.0, 1.0, 0.0), at(0.0, 0.0, 0.5));
    parts.add(&sheet(30), glass(1.0, 0.0, 0.0), at(-0.5, 0.3, 1.0));
    let turned = |angle| at(3.0, 0.0, 0.0) * Affine3A::from_rotation_y(angle);
    parts.add(&sheet(1), glass(1.0, 1.0, 0.0), turned(0.7));
    parts.add(&sheet(1), glass(0.0, 1.0, 1.0), turned(-0.7));
    // A pane half behind something solid.
    parts.add(&sphere(24, 32), matte(0.8, 0.8, 0.8), at(3.0, -0.8, 0.0) * Affine3A::from_scale(Vec3::splat(0.5)));
    let mut studio = Studio::new();
    studio.show(parts.model());
    for (name, samples) in [("transparent_order_1", Samples::One), ("transparent_order_4", Samples::Four)] {
        assert_golden(name, &studio.frame(front(), samples));
    }
}

#[test]
fn back_sides_show_where_they_should() {
    let mut parts = Parts::default();
    let turned = Affine3A::from_rotation_y(std::f32::consts::PI);
    parts.add(&sheet(8), matte(0.9, 0.3, 0.3), at(-3.6, 0.0, 0.0) * turned);
    let double = Material { double_sided: true, ..matte(0.3, 0.9, 0.3) };
    parts.add(&sheet(8), double.clone(), at(-1.2, 0.0, 0.0) * turned);
    parts.add(&sheet(1), double, at(1.2, 0.0, 0.0) * turned);
    let mirrored = Affine3A::from_scale(Vec3::new(-1.0, 1.0, 1.0));
    parts.add(&sheet(8), matte(0.3, 0.3, 0.9), at(3.6, 0.0, 0.0) * mirrored);
    let mut studio = Studio::new();
    studio.show(parts.model());
    assert_golden("back_sides", &studio.frame(front(), Samples::Four));
}

#[test]
fn vertex_colors_tint() {
    let mut parts = Parts::default();
    let mut ball = sphere(24, 32);
    let byte = |value: f32| ((value * 0.5 + 0.5) * 255.0) as u8;
    ball.colors = ball.positions.iter().map(|[x, y, z]| [byte(*x), byte(*y), byte(*z), 255]).collect();
    parts.add(&ball, matte(1.0, 1.0, 1.0), at(-1.5, 0.0, 0.0));
    parts.add(&ball, unlit(1.0, 1.0, 1.0), at(1.5, 0.0, 0.0));
    let mut studio = Studio::new();
    studio.show(parts.model());
    let near = camera(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO);
    assert_golden("vertex_colors", &studio.frame(near, Samples::One));
}

#[test]
fn alpha_of_a_texture_is_no_occlusion() {
    let lit = |alpha_mode, of_texture: f32, of_factor: f32| {
        let mut parts = Parts::default();
        let frame = parts.texture(texture(16, true, |_, _| [0.8, 0.8, 0.8, of_texture]));
        let material = Material {
            base_color: [1.0, 1.0, 1.0, of_factor],
            base_color_texture: Some(frame),
            alpha_mode,
            ..matte(1.0, 1.0, 1.0)
        };
        parts.add(&sheet(1), material, Affine3A::from_scale(Vec3::splat(4.0)));
        let mut studio = Studio::new();
        studio.show(parts.model());
        studio.frame(front(), Samples::One)
    };
    for alpha_mode in [AlphaMode::Blend, AlphaMode::Mask { cutoff: 0.5 }] {
        // An alpha of 153 of 255, from the texture or from the factor.
        let seen = difference(&lit(alpha_mode, 0.6, 1.0), &lit(alpha_mode, 1.0, 0.6));
        assert!(seen.is_invisible(), "{alpha_mode:?}: {seen:?}");
    }
}
