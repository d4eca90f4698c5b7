use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Returns a sphere of `rings * sectors * 2` triangles that face outwards.
fn sphere(rings: u32, sectors: u32) -> Primitive {
    let mut primitive = Primitive::default();
    for ring in 0..=rings {
        for sector in 0..sectors {
            let polar = std::f32::consts::PI * ring as f32 / rings as f32;
            let around = std::f32::consts::TAU * sector as f32 / sectors as f32;
            primitive.positions.push([polar.sin() * around.cos(), polar.cos(), -polar.sin() * around.sin()]);
        }
    }
    for ring in 0..rings {
        for sector in 0..sectors {
            let [a, b] = [sector, (sector + 1) % sectors].map(|sector| ring * sectors + sector);
            primitive.indices.extend([a, a + sectors, b, b, a + sectors, b + sectors]);
        }
    }
    primitive
}

/// Returns a square of side 1 at this height that faces up or down.
fn square(side: u32, height: f32, up: bool) -> Primitive {
    let mut primitive = Primitive::default();
    for z in 0..=side {
        for x in 0..=side {
            primitive.positions.push([x as f32 / side as f32, height, z as f32 / side as f32]);
        }
    }
    for z in 0..side {
        for x in 0..side {
            let a = z * (side + 1) + x;
            let b = a + side + 1;
            let [first, second] =
                if up { [[a, b, a + 1], [a + 1, b, b + 1]] } else { [[a, a + 1, b], [a + 1, b + 1, b]] };
            primitive.indices.extend([first, second].as_flattened());
        }
    }
    primitive
}

fn corners(primitive: &Primitive, thinned: &Thinned) -> Vec<[Vec3; 3]> {
    let corner = |&place: &u32| Vec3::from(primitive.positions[thinned.kept[place as usize] as usize]);
    thinned.indices.as_chunks::<3>().0.iter().map(|triangle| [0, 1, 2].map(|at| corner(&triangle[at]))).collect()
}

/// Returns twice the area of the triangles that face up and of those that face down, projected to the ground.
fn areas(triangles: &[[Vec3; 3]]) -> (f32, f32) {
    let up = triangles.iter().map(|[a, b, c]| (b - a).cross(c - a).y);
    up.fold((0.0, 0.0), |(up, down), area| (up + area.max(0.0), down - area.min(0.0)))
}

#[test]
fn a_sphere_stays_closed_round_and_facing_outwards() {
    let primitive = sphere(200, 300);
    let thinned = thin(&primitive, 4000).unwrap();
    let triangles = corners(&primitive, &thinned);
    assert!((2500..=6000).contains(&triangles.len()), "{} triangles", triangles.len());
    let outwards = |[a, b, c]: &&[Vec3; 3]| (b - a).cross(c - a).dot(a + b + c) > 0.0;
    let turned = triangles.len() - triangles.iter().filter(outwards).count();
    assert!(turned * 100 < triangles.len(), "{turned} of {} are turned around", triangles.len());
    // The volume below all triangles is that of the sphere, except for the part between the corners.
    let volume: f32 = triangles.iter().map(|[a, b, c]| a.dot(b.cross(*c)) / 6.0).sum();
    let whole = std::f32::consts::PI * 4.0 / 3.0;
    assert!((0.97..=1.0).contains(&(volume / whole)), "{volume} of {whole}");
}

#[test]
fn a_square_is_covered_up_to_its_border() {
    let primitive = square(300, 0.0, true);
    let thinned = thin(&primitive, 2000).unwrap();
    let triangles = corners(&primitive, &thinned);
    assert!((1200..=3000).contains(&triangles.len()), "{} triangles", triangles.len());
    let (up, down) = areas(&triangles);
    assert!((up - 2.0).abs() < 1e-3 && down == 0.0, "{up}, {down}");
}

#[test]
fn a_plate_thinner_than_a_cell_keeps_both_of_its_sides() {
    let (mut plate, lower) = (square(100, 0.001, true), square(100, 0.0, false));
    let first = plate.positions.len() as u32;
    plate.positions.extend(&lower.positions);
    plate.indices.extend(lower.indices.iter().map(|index| index + first));
    let (up, down) = areas(&corners(&plate, &thin(&plate, 1000).unwrap()));
    assert!((up - 2.0).abs() < 1e-3 && (down - 2.0).abs() < 1e-3, "{up}, {down}");
}

#[test]
fn triangles_and_vertices_are_kept_once() {
    let mut primitive = sphere(100, 100);
    primitive.indices.extend_from_within(..);
    let thinned = thin(&primitive, 2000).unwrap();
    let vertices: HashSet<&u32> = thinned.kept.iter().collect();
    assert_eq!(vertices.len(), thinned.kept.len());
    let turned = |&[a, b, c]: &[u32; 3]| [[a, b, c], [b, c, a], [c, a, b]].into_iter().min();
    let triangles = thinned.indices.as_chunks::<3>().0;
    assert_eq!(triangles.iter().map(turned).collect::<HashSet<_>>().len(), triangles.len());
}

#[test]
fn geometry_without_extent_leaves_nothing() {
    for position in [[0.0; 3], [f32::NAN; 3], [f32::INFINITY; 3], [f32::MAX, -f32::MAX, 0.0]] {
        let mut primitive = sphere(10, 10);
        primitive.positions.fill(position);
        assert!(thin(&primitive, 64).is_none(), "{position:?}");
    }
    let mut opposite = sphere(10, 10);
    opposite.positions[0] = [f32::MAX; 3];
    opposite.positions[1] = [-f32::MAX; 3];
    assert!(thin(&opposite, 64).is_none(), "the box is larger than any number");
}

#[test]
fn the_number_of_threads_does_not_change_the_result() {
    let primitive = sphere(400, 400);
    let [one, three] = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| thin(&primitive, 5000)).unwrap()
    });
    assert!(one.kept == three.kept && one.indices == three.indices);
}

#[test]
fn a_misleading_sample_does_not_exceed_the_limit() {
    // All sampled triangles are points; the others fill the box.
    let mut primitive = sphere(100, 160);
    let count = primitive.triangles();
    let samples = count / super::super::density::ONE_IN;
    for sample in 0..samples {
        let first = sample * count / samples * 3;
        primitive.indices[first + 1] = primitive.indices[first];
    }
    let thinned = thin(&primitive, 500).unwrap();
    assert!(thinned.indices.len() / 3 <= 1000, "{}", thinned.indices.len() / 3);
}

fn coordinate() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -1.0_f32..1.0,
        1 => any::<f32>(),
        1 => prop::sample::select(vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45, 1e30]),
    ]
}

proptest! {
    #[test]
    fn for_any_positions_the_result_refers_to_existing_vertices_and_is_not_too_large(
        positions in prop::collection::vec(prop::array::uniform3(coordinate()), 1..200),
        corners in prop::collection::vec(any::<prop::sample::Index>(), 1..3000),
        wanted in 56_usize..300,
    ) {
        let indices: Vec<u32> = corners.iter().map(|corner| corner.index(positions.len()) as u32).collect();
        let indices = indices[..indices.len() / 3 * 3].to_vec();
        let primitive = Primitive { positions, indices, ..Default::default() };
        if let Some(thinned) = thin(&primitive, wanted) {
            prop_assert!(!thinned.indices.is_empty() && thinned.indices.len() % 3 == 0);
            prop_assert!(thinned.indices.len() / 3 <= wanted * 2);
            prop_assert!(thinned.indices.iter().all(|&place| (place as usize) < thinned.kept.len()));
            prop_assert!(thinned.kept.iter().all(|&vertex| (vertex as usize) < primitive.positions.len()));
        }
    }
}
