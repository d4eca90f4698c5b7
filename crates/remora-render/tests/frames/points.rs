//! Points: discs that close the gaps between them and are hidden by surfaces in front.

use glam::{Affine3A, Vec3};
use remora_model::{Mesh, Model, Node, Points};
use remora_render::{FrameOptions, FrameRequest, GraphicsOptions, RenderedFrame, Samples};
use remora_scene::StateOverrideEdit;

use crate::coverage::front;
use crate::perceptual::assert_golden;
use crate::shapes::sheet;
use crate::studio::{SIZE, Studio, at, camera, double, matte, request, unlit};

/// Returns points from -1 to 1 in x and y, row by row.
fn grid(side: usize, color: impl Fn(f32, f32) -> [u8; 4]) -> Points {
    let place = |index: usize| index as f32 / (side - 1) as f32 * 2.0 - 1.0;
    let places = (0..side * side).map(|index| [place(index % side), place(index / side), 0.0]);
    Points { colors: places.clone().map(|[x, y, _]| color(x, y)).collect(), positions: places.collect() }
}

fn cloud(points: Points, transform: Affine3A) -> Model {
    Model {
        meshes: vec![Mesh { points, ..Default::default() }],
        nodes: vec![Node { transform: double(transform), mesh: Some(0), ..Default::default() }],
        ..Default::default()
    }
}

fn reds(frame: &RenderedFrame) -> usize {
    frame.data.chunks(4).filter(|pixel| pixel[..3] == [255, 0, 0]).count()
}

#[test]
fn a_grid_of_points_has_no_gaps_and_the_right_size() {
    let mut studio = Studio::new();
    // 64 points in 98.6 pixels are 1.5 pixels apart.
    studio.show(cloud(grid(64, |_, _| [255, 0, 0, 255]), Affine3A::IDENTITY));
    for samples in [Samples::One, Samples::Four] {
        let frame = studio.frame(front(), samples);
        let rows = 45..135;
        let missing = rows.flat_map(|y| (115..205).map(move |x| (y * SIZE.width + x) as usize * 4));
        let missing = missing.filter(|&at| frame.data[at..at + 3] != [255, 0, 0]).count();
        assert_eq!(missing, 0, "gaps with {samples:?}");
        // The discs extend the grid by half of their width on each side.
        assert!((98 * 98..=101 * 101).contains(&reds(&frame)), "{} pixels with {samples:?}", reds(&frame));
    }
}

/// Returns values evenly distributed from 0 to 1, the same in every run (SplitMix64).
fn random() -> impl FnMut() -> f32 {
    let mut state = 0_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    }
}

/// Returns points from -1 to 1 in x and y on a curved surface. `x` maps a value from 0 to 1.
fn scattered(count: usize, x: impl Fn(f32) -> f32) -> Points {
    let mut random = random();
    let place = |_| {
        let (x, y) = (x(random()), random() * 2.0 - 1.0);
        [x, y, 0.1 * (x * 3.0).sin() * (y * 2.0).cos()]
    };
    Points { positions: (0..count).map(place).collect(), colors: vec![[255, 0, 0, 255]; count] }
}

/// Returns the share of pixels that are not red within `half` of the frame's height around the middle.
fn missing(frame: &RenderedFrame, half: f32) -> f32 {
    let [middle_x, middle_y] = [SIZE.width / 2, SIZE.height / 2];
    let half = (half * SIZE.height as f32) as u32;
    let pixels =
        (middle_y - half..middle_y + half).flat_map(|y| (middle_x - half..middle_x + half).map(move |x| (x, y)));
    let at = |(x, y)| ((y * SIZE.width + x) * 4) as usize;
    let missing = pixels.filter(|&pixel| frame.data[at(pixel)..at(pixel) + 3] != [255, 0, 0]).count();
    missing as f32 / (4 * half * half) as f32
}

#[test]
fn scattered_points_close_their_surface_from_near_and_far() {
    // One cloud of even density, and one that is a hundred times as dense on one side as on the other.
    let clouds = [scattered(60_000, |place| place * 2.0 - 1.0), scattered(60_000, |place| place.powi(3) * 2.0 - 1.0)];
    for (which, points) in clouds.into_iter().enumerate() {
        let mut studio = Studio::new();
        studio.show(cloud(points, Affine3A::IDENTITY));
        // The points are between less than one pixel and a dozen pixels apart.
        for (distance, half) in [(8.0, 0.14), (4.0, 0.3), (2.0, 0.48), (1.0, 0.48), (0.5, 0.48), (0.3, 0.48)] {
            for aside in [0.0, 0.6] {
                let view = camera(Vec3::new(distance * aside, distance * aside * 0.3, distance), Vec3::ZERO);
                for error_pixels in [1e-3, 1.0] {
                    let request = FrameRequest { error_pixels, ..request(view, Samples::One) };
                    let share = missing(&studio.draw(&request).0, half * (1.0 - aside * 0.5));
                    // Holes of up to three pixels remain where a gap is wider than the largest one that discs close.
                    assert!(share < 1.1e-4, "{share} of cloud {which} from {view:?} with {error_pixels} pixels");
                }
            }
        }
    }
}

#[test]
fn a_lone_point_beside_many_stays_small() {
    let mut points = scattered(20_000, |place| place * 2.0 - 1.0);
    points.colors.fill([0, 0, 255, 255]);
    points.positions.push([0.0, 0.0, 0.4]);
    points.colors.push([255, 0, 0, 255]);
    let mut studio = Studio::new();
    studio.show(cloud(points, Affine3A::IDENTITY));
    let near = camera(Vec3::new(0.0, 0.0, 0.7), Vec3::ZERO);
    // Other points are 11.6 pixels apart at its distance.
    let count = reds(&studio.frame(near, Samples::One));
    assert!((4..=8 * 8).contains(&count), "{count}");
}

#[test]
fn points_grow_with_their_instance_and_not_beyond_their_limits() {
    let lone = Points { positions: vec![[0.0; 3]; 1], colors: vec![[255, 0, 0, 255]] };
    let mut studio = Studio::new();
    studio.show(cloud(lone, Affine3A::IDENTITY));
    let slightly_aside = camera(Vec3::new(0.003, 0.002, 5.0), Vec3::new(0.003, 0.002, 0.0));
    assert_eq!(reds(&studio.frame(slightly_aside, Samples::One)), 1, "a point is a pixel at least");

    let pair = || Points { positions: vec![[0.0; 3], [3.0, 0.0, 0.0]], colors: vec![[255, 0, 0, 255]; 2] };
    let mut studio = Studio::new();
    studio.show(cloud(pair(), Affine3A::IDENTITY));
    let count = reds(&studio.frame(slightly_aside, Samples::One)) as f32;
    let disc = std::f32::consts::PI * 32.0 * 32.0;
    assert!((disc * 1.6..disc * 2.0).contains(&count), "{count}: 64 pixels wide, the second cut off by the edge");
}

#[test]
fn points_and_surfaces_hide_each_other() {
    let mut model = cloud(
        grid(80, |x, y| [((x + 1.0) * 127.0) as u8, ((y + 1.0) * 127.0) as u8, 60, 255]),
        Affine3A::from_rotation_y(0.5),
    );
    let mut wall = sheet(1);
    wall.material = 0;
    model.materials = vec![matte(0.7, 0.7, 0.7), unlit(0.1, 0.3, 0.9)];
    model.meshes.push(Mesh { primitives: vec![wall], ..Default::default() });
    let place = at(0.2, 0.1, 0.0) * Affine3A::from_rotation_y(-0.5) * Affine3A::from_scale(Vec3::splat(0.9));
    model.nodes.push(Node { transform: double(place), mesh: Some(1), ..Default::default() });
    let frames = [true, false].map(|atomics_64| {
        let mut studio = Studio::with(&GraphicsOptions { atomics_64, ..Default::default() });
        studio.show(model.clone());
        [Samples::One, Samples::Four].map(|samples| studio.frame(front(), samples))
    });
    assert!(frames[0] == frames[1], "the two ways of writing differ");
    assert_golden("points_and_surfaces", &frames[0][1]);
}

#[test]
fn culling_hidden_points_does_not_change_the_frame() {
    let mut model = cloud(grid(300, |x, y| [(x * 99.0) as u8, (y * 99.0) as u8, 200, 255]), Affine3A::IDENTITY);
    model.materials = vec![matte(0.7, 0.7, 0.7)];
    model.meshes.push(Mesh { primitives: vec![sheet(1)], ..Default::default() });
    let place = at(0.3, 0.0, 0.5) * Affine3A::from_scale(Vec3::splat(0.8));
    model.nodes.push(Node { transform: double(place), mesh: Some(1), ..Default::default() });
    let mut studio = Studio::new();
    studio.show(model);
    let culled = request(front(), Samples::One);
    let options = FrameOptions { occlusion_culling: false, ..Default::default() };
    let (whole, _) = studio.draw(&FrameRequest { options, ..culled });
    studio.draw(&culled);
    let (frame, done) = studio.draw(&culled);
    assert!(done.clusters_occluded > 30, "{done:?}");
    assert!(frame == whole, "the frames differ");
}

#[test]
fn points_can_be_picked_and_tinted() {
    let mut studio = Studio::new();
    let added = studio.show(cloud(grid(64, |_, _| [255, 0, 0, 255]), Affine3A::IDENTITY));
    let options = FrameOptions { pick: Some([160, 90]), ..Default::default() };
    let (_, done) = studio.draw(&FrameRequest { options, ..request(front(), Samples::One) });
    let picked = done.picked.expect("a point is there");
    assert!(picked.instance == 0 && picked.position.length() < 0.05 && (picked.distance - 5.0).abs() < 1e-3);
    studio
        .scene
        .edit_overrides(&[added.root], StateOverrideEdit::tint(Some([0, 0, 255, 255])))
        .expect("the entity is there");
    assert_eq!(reds(&studio.frame(front(), Samples::One)), 0);
}
