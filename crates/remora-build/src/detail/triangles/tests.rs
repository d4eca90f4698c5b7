use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use remora_asset::layout::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX};
use remora_model::Primitive;

#[path = "../../../tests/sheet/mod.rs"]
mod sheet;

/// Returns a bumpy sheet of `side * side * 2` triangles. The right half is another primitive if `split`.
fn sheet(side: u32, split: bool) -> Mesh {
    let primitives = match split {
        false => vec![sheet::part(side, 0..side, 0)],
        true => vec![sheet::part(side, 0..side / 2, 0), sheet::part(side, side / 2..side, 1)],
    };
    Mesh { primitives, ..Default::default() }
}

fn build_with(threads: usize, mesh: &Mesh) -> Hierarchy {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| build(mesh, &Work::unwatched())).unwrap()
}

/// Returns the clusters that are drawn with this permitted error.
fn cut(hierarchy: &Hierarchy, allowed: f32) -> Vec<&DetailCluster> {
    let refined = |group: u32| hierarchy.groups[group as usize].error > allowed;
    (0..)
        .zip(&hierarchy.groups)
        .filter(|(number, _)| refined(*number))
        .flat_map(|(_, group)| &hierarchy.clusters[group.clusters.start as usize..group.clusters.end as usize])
        .filter(|cluster| cluster.refined.is_none_or(|group| !refined(group)))
        .collect()
}

/// Returns the corners of each triangle as the bits of their positions.
fn triangles<'a>(
    mesh: &'a Mesh,
    hierarchy: &'a Hierarchy,
    cluster: &'a DetailCluster,
) -> impl Iterator<Item = [[u32; 3]; 3]> + 'a {
    hierarchy.triangles[cluster.triangles.start as usize..cluster.triangles.end as usize].iter().map(|packed| {
        let [a, b, c, _] = packed.to_le_bytes();
        [a, b, c].map(|local| {
            let vertex = hierarchy.vertices[cluster.vertices.start as usize + local as usize];
            mesh.primitives[cluster.primitive as usize].positions[vertex as usize].map(f32::to_bits)
        })
    })
}

/// Counts the edges that are not shared by exactly two triangles in opposite directions.
fn open_edges(mesh: &Mesh, hierarchy: &Hierarchy, cut: &[&DetailCluster]) -> usize {
    let mut edges: HashMap<([u32; 3], [u32; 3]), i32> = HashMap::new();
    for triangle in cut.iter().flat_map(|cluster| triangles(mesh, hierarchy, cluster)) {
        for side in 0..3 {
            let (from, to) = (triangle[side], triangle[(side + 1) % 3]);
            *edges.entry((from.min(to), from.max(to))).or_default() += if from < to { 1 } else { -1 };
        }
    }
    edges.values().filter(|&&balance| balance != 0).count()
}

#[test]
fn every_cut_is_closed_except_for_the_border() {
    for split in [false, true] {
        let mesh = sheet(64, split);
        let hierarchy = build_with(2, &mesh);
        let mut errors: Vec<f32> = hierarchy.groups.iter().map(|group| group.error).filter(|e| e.is_finite()).collect();
        errors.sort_by(f32::total_cmp);
        assert!(errors.len() > 3);
        let mut last = usize::MAX;
        for allowed in [-1.0, errors[0], errors[errors.len() / 2], errors[errors.len() - 1]] {
            let cut = cut(&hierarchy, allowed);
            let count: usize = cut.iter().map(|cluster| cluster.triangles.len()).sum();
            assert!(count <= last && count > 0);
            last = count;
            let open = open_edges(&mesh, &hierarchy, &cut);
            // Only the rim of the sheet is open, which never has more edges than the original.
            assert!(open <= 64 * 4, "{open} open edges at {allowed}, split {split}");
        }
        assert!(last <= 600, "{last} triangles at the coarsest");
    }
}

#[test]
fn the_finest_cut_is_the_original() {
    let mesh = sheet(40, true);
    let hierarchy = build_with(2, &mesh);
    let turned = |mut triangle: [[u32; 3]; 3]| {
        let least = (0..3).min_by_key(|&corner| triangle[corner]).unwrap();
        triangle.rotate_left(least);
        triangle
    };
    let found: HashSet<_> = cut(&hierarchy, -1.0)
        .into_iter()
        .flat_map(|cluster| triangles(&mesh, &hierarchy, cluster).map(turned).map(move |t| (cluster.primitive, t)))
        .collect();
    let wanted: HashSet<_> = (0..)
        .zip(&mesh.primitives)
        .flat_map(|(number, primitive)| {
            let corner = |index: u32| primitive.positions[index as usize].map(f32::to_bits);
            let of = move |t: &[u32]| (number, turned([t[0], t[1], t[2]].map(corner)));
            primitive.indices.chunks_exact(3).map(of).collect::<Vec<_>>()
        })
        .collect();
    assert!(found == wanted);
}

#[test]
fn errors_and_spheres_grow_from_level_to_level() {
    let mesh = sheet(96, true);
    let hierarchy = build_with(2, &mesh);
    for group in &hierarchy.groups {
        for cluster in &hierarchy.clusters[group.clusters.start as usize..group.clusters.end as usize] {
            let Some(refined) = cluster.refined else {
                assert!(cluster.bounds.center.distance(group.center) + cluster.bounds.radius <= group.radius * 1.001);
                continue;
            };
            let finer = &hierarchy.groups[refined as usize];
            assert!(finer.depth < group.depth);
            assert!(finer.error <= group.error);
            assert!(finer.center.distance(group.center) + finer.radius <= group.radius * 1.0001);
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_result() {
    let mesh = sheet(150, true);
    let [one, three] = [1, 3].map(|threads| build_with(threads, &mesh));
    assert_eq!(one.groups, three.groups);
    assert_eq!(one.clusters, three.clusters);
    assert!(one.vertices == three.vertices && one.triangles == three.triangles);
}

#[test]
fn work_can_be_cancelled() {
    let mesh = sheet(64, false);
    let given_up = build(&mesh, &Work::new(1, &|_| {}, &|| true));
    assert_eq!(given_up.unwrap_err(), Cancelled);
}

#[test]
fn an_empty_mesh_has_no_levels() {
    let nothing = Mesh { primitives: vec![Primitive::default()], ..Default::default() };
    assert!(build_with(1, &nothing).groups.is_empty());
    let mut flat = sheet(1, false);
    flat.primitives[0].indices = vec![0, 0, 1];
    assert!(build_with(1, &flat).groups.is_empty());
}

/// Returns the levels that are no larger than a cluster, finest first.
fn chain(hierarchy: &Hierarchy) -> &[Group] {
    &hierarchy.groups[hierarchy.groups.iter().position(|group| group.is_root).unwrap()..]
}

fn surface_of(mesh: &Mesh, hierarchy: &Hierarchy, clusters: &[DetailCluster]) -> Vec<deviation::Triangle> {
    let corners = |cluster| triangles(mesh, hierarchy, cluster).map(|t| t.map(|c| Vec3::from(c.map(f32::from_bits))));
    clusters.iter().flat_map(corners).collect()
}

/// Returns a scaled ball of `rings * rings * 2` triangles. The lower half is another primitive if `split`.
fn ball(rings: u32, scale: Vec3, split: bool) -> Mesh {
    let band = |rows: std::ops::Range<u32>, material| {
        let mut primitive = Primitive { material, ..Default::default() };
        let width = rings + 1;
        for (row, column) in (rows.start..=rows.end).flat_map(|row| (0..width).map(move |column| (row, column))) {
            let polar = std::f32::consts::PI * row as f32 / rings as f32;
            let around = std::f32::consts::TAU * (column % rings) as f32 / rings as f32;
            let normal = Vec3::new(polar.sin() * around.cos(), polar.cos(), -polar.sin() * around.sin());
            // Poles are single positions, so that the ball is closed.
            let normal = if row == 0 {
                Vec3::Y
            } else if row == rings {
                Vec3::NEG_Y
            } else {
                normal
            };
            primitive.positions.push((normal * scale).into());
            primitive.normals.push(normal.into());
        }
        for (row, column) in (0..rows.end - rows.start).flat_map(|row| (0..rings).map(move |column| (row, column))) {
            let a = row * width + column;
            primitive.indices.extend([a, a + width, a + 1, a + 1, a + width, a + width + 1]);
        }
        primitive
    };
    let primitives = match split {
        false => vec![band(0..rings, 0)],
        true => vec![band(0..rings / 2, 0), band(rings / 2..rings, 1)],
    };
    Mesh { primitives, ..Default::default() }
}

#[test]
fn the_last_level_has_a_few_triangles_of_every_material() {
    let long = Vec3::new(0.05, 1.0, 0.05);
    let meshes = [
        (ball(6, Vec3::ONE, false), 8),
        (ball(40, Vec3::ONE, false), 8),
        (ball(8, long, false), 8),
        (ball(30, long, true), 20),
        (sheet(6, false), 8),
        (sheet(60, true), 16),
    ];
    for (number, (mesh, most)) in meshes.iter().enumerate() {
        let hierarchy = build_with(2, mesh);
        let cut = cut(&hierarchy, f32::MAX);
        let count: usize = cut.iter().map(|cluster| cluster.triangles.len()).sum();
        assert!(count <= *most, "{count} triangles of mesh {number}");
        let materials: HashSet<u32> = cut.iter().map(|cluster| cluster.primitive).collect();
        assert_eq!(materials.len(), mesh.primitives.len(), "mesh {number}");
    }
}

#[test]
fn each_of_the_last_levels_replaces_the_one_before() {
    for mesh in [ball(8, Vec3::ONE, false), ball(24, Vec3::ONE, true), sheet(40, false)] {
        let hierarchy = build_with(2, &mesh);
        let chain = chain(&hierarchy);
        assert!(chain.len() > 3);
        let first = (hierarchy.groups.len() - chain.len()) as u32;
        for (finer, pair) in (first..).zip(chain.windows(2)) {
            assert!(hierarchy.clusters_of(&pair[1]).iter().all(|cluster| cluster.refined == Some(finer)));
            assert!(pair[0].error <= pair[1].error && pair[0].error < f32::INFINITY);
        }
        assert_eq!(chain[chain.len() - 1].error, f32::INFINITY);
    }
}

#[test]
fn the_last_levels_keep_their_error_bounds_and_stay_closed() {
    for mesh in [ball(8, Vec3::ONE, false), ball(7, Vec3::new(0.1, 1.0, 0.3), false)] {
        let hierarchy = build_with(1, &mesh);
        let chain = chain(&hierarchy);
        let original = surface_of(&mesh, &hierarchy, hierarchy.clusters_of(&chain[0]));
        for pair in chain.windows(2) {
            let coarser = surface_of(&mesh, &hierarchy, hierarchy.clusters_of(&pair[1]));
            let away = deviation::deviation(&original, &coarser);
            assert!(away <= pair[0].error * 1.001, "{away} instead of {}", pair[0].error);
            assert!(deviation::openness(&coarser) < 0.3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every triangle is in one original cluster, and the limits hold.
    #[test]
    fn any_set_of_triangles_is_accepted(indices in prop::collection::vec(0u32..60, 3..900), seed in 0u32..1000) {
        let place = |i: u32| {
            let hash = (i * 7919 + seed * 104_729) % 997;
            [(hash % 10) as f32, (hash / 10 % 10) as f32, (hash / 100) as f32]
        };
        let indices: Vec<u32> = indices.chunks_exact(3).flatten().copied().collect();
        let primitive = Primitive {
            positions: (0..60).map(place).collect(),
            normals: vec![[0.0, 1.0, 0.0]; 60],
            indices: indices.clone(),
            ..Default::default()
        };
        let mesh = Mesh { primitives: vec![primitive], ..Default::default() };
        let hierarchy = build_with(1, &mesh);
        let solid = indices.chunks_exact(3).filter(|t| t[0] != t[1] && t[1] != t[2] && t[2] != t[0]).count();
        let original: usize =
            hierarchy.clusters.iter().filter(|c| c.refined.is_none()).map(|c| c.triangles.len()).sum();
        prop_assert_eq!(original, solid);
        for cluster in &hierarchy.clusters {
            prop_assert!((1..=CLUSTER_TRIANGLES_MAX).contains(&cluster.triangles.len()));
            prop_assert!((1..=CLUSTER_VERTICES_MAX).contains(&cluster.vertices.len()));
        }
        for group in &hierarchy.groups {
            prop_assert!(!group.clusters.is_empty());
            prop_assert!(!group.error.is_nan());
        }
    }
}
