//! Properties of the levels of detail of points that hold for all clouds.

use std::sync::atomic::{AtomicUsize, Ordering};

use glam::DVec3;
use proptest::prelude::*;
use remora_asset::layout::CLUSTER_TRIANGLES_MAX;
use remora_build::detail::points::build;
use remora_build::detail::{Group, Hierarchy};
use remora_model::Points;

/// A deterministic generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn cloud(positions: Vec<[f32; 3]>) -> Points {
    Points { colors: vec![[255; 4]; positions.len()], positions }
}

/// Returns points on a bent surface, as a scanner would see it.
fn surface(count: usize) -> Points {
    let mut random = Random(1);
    let point = |_| {
        let (x, y) = (random.unit() * 20.0, random.unit() * 10.0);
        [x as f32, y as f32, ((x * 0.7).sin() + (y * 0.3).cos()) as f32]
    };
    cloud((0..count).map(point).collect())
}

fn hierarchy(points: &Points) -> Hierarchy {
    build(points, 2, &mut |_| {}, &|| false).expect("it is not cancelled")
}

fn vertices(hierarchy: &Hierarchy, cluster: usize) -> &[u32] {
    let range = &hierarchy.clusters[cluster].vertices;
    &hierarchy.vertices[range.start as usize..range.end as usize]
}

fn group_of(hierarchy: &Hierarchy, cluster: u32) -> usize {
    hierarchy.groups.iter().position(|group| group.clusters.contains(&cluster)).expect("a cluster has a group")
}

/// Collects the original points that are replaced by the clusters of a group.
fn originals(hierarchy: &Hierarchy, group: usize, found: &mut Vec<u32>) {
    let mut seen = std::collections::BTreeSet::new();
    for cluster in hierarchy.groups[group].clusters.clone() {
        match hierarchy.clusters[cluster as usize].refined {
            None => found.extend(vertices(hierarchy, cluster as usize)),
            Some(finer) => {
                if seen.insert(finer) {
                    originals(hierarchy, finer as usize, found);
                }
            }
        }
    }
}

/// Checks all documented properties of a hierarchy.
fn check(points: &Points) {
    let hierarchy = hierarchy(points);
    let count = points.positions.len() as u32;
    let position = |vertex: u32| glam::Vec3::from(points.positions[vertex as usize]).as_dvec3();

    let mut next_cluster = 0;
    let mut next_vertex = 0;
    let mut depth = 0;
    for (index, group) in hierarchy.groups.iter().enumerate() {
        assert_eq!(group.clusters.start, next_cluster, "group by group");
        assert!(!group.clusters.is_empty() && group.clusters.len() <= 8);
        assert!(group.depth >= depth, "depths never fall");
        (next_cluster, depth) = (group.clusters.end, group.depth);
        assert_eq!(group.error.is_infinite(), index + 1 == hierarchy.groups.len(), "one root");
        for at in group.clusters.clone() {
            let cluster = &hierarchy.clusters[at as usize];
            assert_eq!(cluster.vertices.start, next_vertex, "cluster by cluster");
            next_vertex = cluster.vertices.end;
            assert!((1..=CLUSTER_TRIANGLES_MAX).contains(&cluster.vertices.len()));
            assert_eq!((cluster.primitive, cluster.triangles.len()), (0, 0));
            assert!(cluster.bounds.cone_cutoff >= 1.0 && cluster.width >= 0.0 && cluster.width.is_finite());
            assert_eq!(cluster.refined.is_none(), group.depth == 0);
            for &vertex in vertices(&hierarchy, at as usize) {
                let off = |center: glam::Vec3| position(vertex).distance(center.as_dvec3());
                assert!(off(cluster.bounds.center) <= f64::from(cluster.bounds.radius));
                assert!(off(group.center) <= f64::from(group.radius));
            }
            if let Some(finer) = cluster.refined {
                let finer: &Group = &hierarchy.groups[finer as usize];
                assert_eq!(finer.depth + 1, group.depth);
                assert!(finer.error <= group.error, "errors grow");
                let reach = DVec3::from(finer.center).distance(group.center.into()) + f64::from(finer.radius);
                assert!(reach <= f64::from(group.radius), "spheres hold spheres");
            }
        }
    }
    assert_eq!(next_cluster as usize, hierarchy.clusters.len());
    assert_eq!(next_vertex as usize, hierarchy.vertices.len());
    assert!(hierarchy.triangles.is_empty());
    assert_eq!(hierarchy.shares.len(), hierarchy.vertices.len());

    let mut leaves: Vec<u32> = (0..hierarchy.clusters.len())
        .filter(|&at| hierarchy.clusters[at].refined.is_none())
        .flat_map(|at| vertices(&hierarchy, at).to_vec())
        .collect();
    leaves.sort_unstable();
    assert_eq!(leaves, (0..count).collect::<Vec<_>>(), "every point once");
    check_replacements(&hierarchy);
    check_cuts(&hierarchy, count);
}

/// Checks that about a quarter of a group's own points, each once, replaces the group.
fn check_replacements(hierarchy: &Hierarchy) {
    for (index, group) in hierarchy.groups.iter().enumerate() {
        let of = |clusters: &mut dyn Iterator<Item = usize>| -> Vec<u32> {
            let mut found: Vec<u32> = clusters.flat_map(|at| vertices(hierarchy, at).to_vec()).collect();
            found.sort_unstable();
            found
        };
        let own = of(&mut group.clusters.clone().map(|at| at as usize));
        let replacing =
            of(&mut (0..hierarchy.clusters.len()).filter(|&at| hierarchy.clusters[at].refined == Some(index as u32)));
        let is_root = index + 1 == hierarchy.groups.len();
        assert_eq!(replacing.len(), if is_root { 0 } else { own.len().div_ceil(4) });
        assert!(replacing.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(replacing.iter().all(|vertex| own.binary_search(vertex).is_ok()));
    }
}

/// Checks that every cut represents each original point once.
fn check_cuts(hierarchy: &Hierarchy, count: u32) {
    let mut thresholds: Vec<f32> = hierarchy.groups.iter().map(|group| group.error).collect();
    thresholds.extend([0.0, f32::MAX]);
    thresholds.sort_unstable_by(f32::total_cmp);
    thresholds.dedup();
    let step = thresholds.len().div_ceil(12);
    for &allowed in thresholds.iter().step_by(step) {
        let is_refined = |group: usize| hierarchy.groups[group].error > allowed;
        let mut stood_for = Vec::new();
        let mut replaced = std::collections::BTreeSet::new();
        for (at, cluster) in hierarchy.clusters.iter().enumerate() {
            let finer_is_refined = cluster.refined.is_some_and(|finer| is_refined(finer as usize));
            if !is_refined(group_of(hierarchy, at as u32)) || finer_is_refined {
                continue;
            }
            match cluster.refined {
                None => stood_for.extend(vertices(hierarchy, at)),
                Some(finer) => {
                    replaced.insert(finer as usize);
                }
            }
        }
        replaced.into_iter().for_each(|group| originals(hierarchy, group, &mut stood_for));
        stood_for.sort_unstable();
        let wanted: Vec<u32> = if allowed.is_infinite() { Vec::new() } else { (0..count).collect() };
        assert_eq!(stood_for, wanted, "with {allowed} allowed");
    }
}

#[test]
fn every_number_of_points_makes_a_hierarchy() {
    for count in [1, 2, 127, 128, 129, 1023, 1024, 1025, 2049, 4096, 4097, 5000, 20_000] {
        check(&surface(count));
    }
    assert_eq!(hierarchy(&Points::default()).groups, []);
}

#[test]
fn points_in_one_place_on_a_line_and_far_apart_make_a_hierarchy() {
    check(&cloud(vec![[1.0, 2.0, 3.0]; 5000]));
    check(&cloud((0..5000).map(|at| [at as f32, 0.0, 0.0]).collect()));
    check(&cloud((0..3000).map(|at| [(at / 1000) as f32, 0.0, -0.0]).collect()));
    let spread = |at: u32| [1e14 * (at % 7) as f32, 1e-3 * at as f32, if at.is_multiple_of(2) { -1e15 } else { 1e15 }];
    check(&cloud((0..3000).map(spread).collect()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_points_make_a_hierarchy(
        few in prop::collection::vec((-8_i16..8, -100_i16..100, any::<i16>()), 1..40),
        repeat in 1_usize..120,
    ) {
        let positions = (0..few.len() * repeat).map(|at| {
            let (x, y, z) = few[at % few.len()];
            [f32::from(x), f32::from(y) + (at / few.len() % 3) as f32, f32::from(z)]
        });
        check(&cloud(positions.collect()));
    }
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let points = surface(300_000);
    let one = build(&points, 1, &mut |_| {}, &|| false).unwrap();
    for threads in [0, 2, 3, 7] {
        let other = build(&points, threads, &mut |_| {}, &|| false).unwrap();
        assert_eq!(one.groups, other.groups, "{threads} threads");
        assert_eq!(one.clusters, other.clusters);
        assert_eq!(one.vertices, other.vertices);
    }
}

#[test]
fn clusters_are_full_compact_and_few() {
    let points = surface(200_000);
    let hierarchy = hierarchy(&points);
    let leaves: Vec<_> = hierarchy.clusters.iter().filter(|cluster| cluster.refined.is_none()).collect();
    assert!(leaves.len() <= 200_000_usize.div_ceil(128) * 11 / 10, "{} clusters", leaves.len());
    assert!(hierarchy.vertices.len() < 200_000 * 14 / 10, "a third more for all levels");
    // Half of the diagonal of a square, if 200 square units are divided into this many squares. The surface is bent.
    let square = (200.0 / leaves.len() as f32).sqrt() * 0.5_f32.sqrt();
    let average = leaves.iter().map(|cluster| cluster.bounds.radius).sum::<f32>() / leaves.len() as f32;
    assert!(average < square * 1.5, "{average} is much more than {square}");
}

/// Returns the points of all clusters of a level with their widths.
fn widths(hierarchy: &Hierarchy, depth: u32) -> impl Iterator<Item = (u32, f32)> {
    let groups = hierarchy.groups.iter().filter(move |group| group.depth == depth);
    groups.flat_map(|group| group.clusters.clone()).flat_map(|at| {
        let cluster = &hierarchy.clusters[at as usize];
        let range = cluster.vertices.start as usize..cluster.vertices.end as usize;
        let shares = hierarchy.shares[range.clone()].iter();
        shares
            .zip(&hierarchy.vertices[range])
            .map(|(&share, &vertex)| (vertex, f32::from(share) / 255.0 * cluster.width))
    })
}

#[test]
fn points_of_a_grid_are_as_wide_as_its_diagonal_at_every_level() {
    let points = cloud((0..65_536).map(|at| [(at % 256) as f32, (at / 256) as f32, 0.0]).collect());
    let hierarchy = hierarchy(&points);
    for depth in 0..=2 {
        let diagonal = 2.0_f32.powi(depth as i32) * 2.0_f32.sqrt();
        let widths: Vec<f32> = widths(&hierarchy, depth).map(|(_, width)| width / diagonal).collect();
        let mean = widths.iter().sum::<f32>() / widths.len() as f32;
        let widest = widths.iter().copied().fold(0.0, f32::max);
        // Replacements are chosen without regard to neighbouring groups.
        let most = if depth == 0 { (1.01, 1.01) } else { (1.3, 4.0) };
        assert!((0.99..most.0).contains(&mean) && widest < most.1, "{mean} and {widest} at depth {depth}");
    }
}

#[test]
fn outliers_are_not_wider_than_others() {
    const OUTLIERS: u32 = 40;
    let mut points = surface(30_000);
    let mut random = Random(2);
    for at in 0..OUTLIERS {
        let [x, y, z] = points.positions[at as usize * 700];
        points.positions[at as usize * 700] = [x, y, z + 3.0 + random.unit() as f32 * 5.0];
    }
    let hierarchy = hierarchy(&points);
    // The surface has 200 square units and more, because it is bent.
    let apart = (200.0_f32 / 30_000.0).sqrt();
    let all: Vec<(u32, f32)> = widths(&hierarchy, 0).collect();
    let (outliers, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(vertex, _)| vertex % 700 == 0 && *vertex < OUTLIERS * 700);
    let mean = |of: &[(u32, f32)]| of.iter().map(|(_, width)| width).sum::<f32>() / of.len() as f32;
    let widest = |of: &[(u32, f32)]| of.iter().fold(0.0_f32, |widest, (_, width)| widest.max(*width));
    assert_eq!(outliers.len(), OUTLIERS as usize);
    assert!(widest(&outliers) < apart, "{} where others are {apart} apart", widest(&outliers));
    assert!((1.0..2.6).contains(&(mean(&others) / apart)) && widest(&others) < 8.0 * apart, "gaps between them");
}

#[test]
fn cancelled_work_has_no_result_and_progress_rises() {
    let points = surface(50_000);
    assert!(build(&points, 2, &mut |_| {}, &|| true).is_none());
    let calls = AtomicUsize::new(0);
    let late = || calls.fetch_add(1, Ordering::Relaxed) > 100;
    assert!(build(&points, 2, &mut |_| {}, &late).is_none(), "in the middle of the levels");
    let mut before = 0.0;
    build(
        &points,
        2,
        &mut |done| {
            assert!((before..=1.0).contains(&done), "from {before} to {done}");
            before = done;
        },
        &|| false,
    );
    assert_eq!(before, 1.0);
}
