use proptest::prelude::*;

use super::*;

/// Adds a strip of `count` squares from `x` on, two triangles each, with vertices of its own.
fn strip(count: u32, x: f32, positions: &mut Vec<[f32; 3]>, indices: &mut Vec<u32>) {
    let first = positions.len() as u32;
    for column in 0..=count {
        positions.extend([[x + column as f32, 0.0, 0.0], [x + column as f32, 0.0, 1.0]]);
    }
    for a in (0..count).map(|column| first + column * 2) {
        indices.extend([a, a + 1, a + 2, a + 2, a + 1, a + 3]);
    }
}

fn triangles(cluster: &Grown) -> impl Iterator<Item = [u32; 3]> + '_ {
    cluster.corners.chunks_exact(3).map(|t| [t[0], t[1], t[2]].map(|corner| cluster.vertices[usize::from(corner)]))
}

#[test]
fn islands_are_joined_while_clusters_are_small_and_kept_apart_afterwards() {
    let (mut positions, mut indices) = (Vec::new(), Vec::new());
    for island in 0..3 {
        strip(30, island as f32 * 1000.0, &mut positions, &mut indices);
    }
    let clusters = grow(&indices, &positions);
    assert_eq!(clusters.iter().map(|cluster| cluster.corners.len() / 3).collect::<Vec<_>>(), [60, 60, 60]);
    let (mut positions, mut indices) = (Vec::new(), Vec::new());
    for island in 0..3 {
        strip(10, island as f32 * 1000.0, &mut positions, &mut indices);
    }
    let clusters = grow(&indices, &positions);
    assert_eq!(clusters.iter().map(|cluster| cluster.corners.len() / 3).collect::<Vec<_>>(), [40, 20]);
}

#[test]
fn triangles_that_share_no_vertices_make_compact_clusters() {
    let (mut positions, mut indices) = (Vec::new(), Vec::new());
    for square in 0..4096_u32 {
        let (x, z) = ((square * 37 % 64) as f32, (square / 64) as f32);
        for corner in [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]] {
            indices.push(positions.len() as u32);
            positions.push([x + corner[0], 0.0, z + corner[1]]);
        }
    }
    let clusters = grow(&indices, &positions);
    // 256 vertices suffice for 256 / 3 triangles that share none.
    assert!(clusters.len() <= 4096 / 85 * 2, "{}", clusters.len());
    let spread = |cluster: &Grown| {
        let places = || cluster.vertices.iter().map(|&vertex| Vec3::from(positions[vertex as usize]));
        let middle = places().sum::<Vec3>() / cluster.vertices.len() as f32;
        places().map(|place| place.distance(middle)).sum::<f32>() / cluster.vertices.len() as f32
    };
    let mean = clusters.iter().map(spread).sum::<f32>() / clusters.len() as f32;
    assert!(mean < 8.0, "{mean}");
}

#[test]
fn the_nearest_is_found_until_nothing_is_left() {
    let place = |i: u32| Vec3::new((i * 37 % 101) as f32, (i * 53 % 103) as f32, (i * 71 % 7) as f32);
    let facings: Vec<Facing> = (0..500).map(|i| Facing { middle: place(i), normal: Vec3::Y }).collect();
    let mut taken = vec![false; facings.len()];
    let mut tree = Nearest::new(&facings, &taken);
    for round in 0..facings.len() as u32 {
        let from = place(round * 13 + 5) * 1.1;
        let least = (0..facings.len())
            .filter(|&triangle| !taken[triangle])
            .map(|triangle| facings[triangle].middle.distance(from))
            .fold(f32::INFINITY, f32::min);
        let (triangle, distance) = tree.find(from, &facings, &taken).expect("something is left");
        assert_eq!(distance, least);
        assert!(!taken[triangle as usize]);
        taken[triangle as usize] = true;
    }
    assert_eq!(tree.find(Vec3::ZERO, &facings, &taken), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Covers any triangles at any positions.
    #[test]
    fn each_triangle_is_in_one_cluster(
        given in prop::collection::vec((0u32..80, 0u32..80, 0u32..80), 1..900),
        scale in prop::sample::select(vec![0.0, 1e-30, 1.0, 1e30, f32::MAX]),
    ) {
        let place = |i: u32| [(i % 10) as f32, (i / 10 % 3) as f32, (i * 7 % 11) as f32].map(|x| x / 11.0 * scale);
        let positions: Vec<[f32; 3]> = (0..80).map(place).collect();
        let solid = given.into_iter().filter(|(a, b, c)| a != b && b != c && c != a).map(|(a, b, c)| [a, b, c]);
        let mut wanted: Vec<[u32; 3]> = solid.collect();
        let clusters = grow(wanted.as_flattened(), &positions);
        for cluster in &clusters {
            prop_assert!((3..=CLUSTER_TRIANGLES_MAX * 3).contains(&cluster.corners.len()));
            prop_assert!((3..=CLUSTER_VERTICES_MAX).contains(&cluster.vertices.len()));
        }
        let mut found: Vec<[u32; 3]> = clusters.iter().flat_map(triangles).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(found, wanted);
    }
}
