//! Cuts are complete, as fine as requested, and leave out only invisible clusters.

use super::*;

/// Counts how often each original cluster is drawn, directly or by a cluster that replaces it. Fails if a group is
/// drawn in part.
struct Coverage<'a> {
    asset: &'a Asset,
    drawn: &'a HashSet<u32>,
    /// Clusters that replace each group.
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
                return Err(format!("group {group} is drawn in part"));
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

/// Returns the error of a group in pixels, computed without the shortcuts of the selection.
fn error_pixels(asset: &Asset, group: u32, instance: &SelectableInstance, view: &View) -> f64 {
    let group = &asset.groups()[group as usize];
    let scale = f64::from(instance.scale_max);
    let center = instance.world.transform_point3(group.center.into()).as_dvec3();
    let distance = center.distance(Vec3::from(view.eye).as_dvec3()) - f64::from(group.radius) * scale;
    f64::from(group.error) * scale * f64::from(view.pixels_per_tangent) / distance.max(view.near.into())
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
    // A mirroring transform reverses the orientation of triangles, but not what faces the eye.
    assert_eq!(count(false, Affine3A::from_scale(Vec3::new(-1.0, 1.0, 1.0))), 1);
    // A transform that does not preserve angles invalidates the cone; one that flattens the mesh shows nothing.
    assert_eq!(count(false, away * Affine3A::from_scale(Vec3::new(1.0, 3.0, 1.0))), 1);
    assert_eq!(count(false, Affine3A::from_scale(Vec3::ZERO)), 0);
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
fn pages_are_requested_coarse_first_until_none_is_missing() {
    let mut shown = Shown::roots(&DETAILED, true);
    let instances = [instance(SHEET, Affine3A::IDENTITY), instance(CLOUD, at(0.0, 0.0, -1.0))];
    let view = all_around(Vec3::new(0.0, 0.2, 1.5));
    for round in 0.. {
        assert!(round < 100, "there is an end");
        shown.select(&instances, &view, limits(0.3));
        assert_proper(&shown, &instances).expect("a cut at every stage");
        let mut missing = Vec::new();
        for request in most_urgent(&mut shown.selection.wanted) {
            shown.models[0].pages.require(request.page.page, shown.selection.frame, &mut missing);
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

    /// In any order of loading and eviction the drawn clusters are a cut, and missing pages are requested.
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
                false => pages.all_evictable(FrameNumber(u64::MAX)).map(|(_, page)| page).collect(),
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
            let wanted: HashSet<u32> = shown.selection.wanted.iter().map(|request| request.page.page).collect();
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

    /// No cluster that is left out as facing away has a triangle that faces the eye.
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
                let [a, b, c] = corners.map(Vec3::as_dvec3);
                let facing = (b - a).cross(c - a).normalize_or_zero().dot((local_eye - a).normalize_or_zero());
                prop_assert!(facing < 1e-2, "cluster {cluster} shows {facing}");
            }
        }
    }

    /// A point of a mesh that projects into the frame is never culled.
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
