//! Ray casts.

use glam::{DAffine3, DQuat, DVec3, EulerRot, Vec3};
use proptest::prelude::*;
use remora_asset::layout::NONE;
use remora_model::{Material, Mesh, Model, Primitive};
use remora_scene::{EntityId, Face, HITS_MAX, HitPolicy, Scene, StateOverrideEdit};

use crate::models::{asset, cube, model, moved, node, soup};

fn scene_of(transforms: &[DAffine3]) -> Scene {
    let nodes = transforms
        .iter()
        .enumerate()
        .map(|(index, &transform)| node(&format!("Cube {index}"), None, transform, Some(0)));
    let mut scene = Scene::new();
    scene.add_model(model(nodes.collect(), vec![cube()])).unwrap();
    scene
}

#[test]
fn the_nearest_of_several_parts_is_hit() {
    let mut scene = scene_of(&[moved(0.0, 0.0, -20.0), moved(0.0, 0.0, -10.0), moved(5.0, 0.0, -5.0)]);
    let hit = scene.cast_ray(DVec3::new(0.1, 0.2, 0.0), Vec3::new(0.0, 0.0, -3.0)).unwrap();
    assert_eq!((hit.instance, hit.entity), (1, EntityId(3)));
    assert!((hit.distance - 9.0).abs() < 1e-5, "{hit:?}");
    assert!(hit.position.abs_diff_eq(DVec3::new(0.1, 0.2, -9.0), 1e-5));
    assert!(hit.normal.abs_diff_eq(Vec3::Z, 1e-6));
    assert_eq!(hit.bounds.center(), DVec3::new(0.0, 0.0, -10.0));
}

#[test]
fn from_inside_the_far_side_is_hit_and_its_normal_faces_back() {
    let mut scene = scene_of(&[DAffine3::IDENTITY]);
    let hit = scene.cast_ray(DVec3::new(0.1, 0.2, 0.3), Vec3::X).unwrap();
    assert!((hit.distance - 0.9).abs() < 1e-6);
    assert!(hit.normal.abs_diff_eq(Vec3::NEG_X, 1e-6));
}

#[test]
fn each_policy_gives_its_hits_from_near_to_far() {
    let mut scene = scene_of(&[moved(0.0, 0.0, -20.0), moved(0.0, 0.0, -10.0), moved(0.0, 0.0, 5.0)]);
    let mut cast = |policy| {
        let hits = scene.cast_ray_for(DVec3::new(0.1, 0.2, 0.0), Vec3::NEG_Z, policy);
        hits.iter().map(|hit| (hit.instance, hit.distance.round(), hit.face)).collect::<Vec<_>>()
    };
    let all = [(1, 9.0, Face::Front), (1, 11.0, Face::Back), (0, 19.0, Face::Front), (0, 21.0, Face::Back)];
    assert_eq!(cast(HitPolicy::Closest), all[..1]);
    assert_eq!(cast(HitPolicy::AllByDistance(0)), []);
    assert_eq!(cast(HitPolicy::AllByDistance(3)), all[..3]);
    assert_eq!(cast(HitPolicy::AllByDistance(usize::MAX)), all);
    let any = cast(HitPolicy::Any);
    assert!(any.len() == 1 && all.contains(&any[0]), "{any:?}");
}

#[test]
fn a_ray_has_256_hits_at_most() {
    let places: Vec<DAffine3> = (0..200).map(|index| moved(0.0, 0.0, f64::from(index) * -3.0)).collect();
    let mut scene = scene_of(&places);
    let hits = scene.cast_ray_for(DVec3::new(0.1, 0.2, 5.0), Vec3::NEG_Z, HitPolicy::AllByDistance(1000));
    assert_eq!(hits.len(), HITS_MAX);
    assert!(hits.iter().enumerate().all(|(at, hit)| hit.instance as usize == at / 2), "the nearest ones, in order");
}

#[test]
fn a_mirrored_part_keeps_its_front() {
    let mut scene = scene_of(&[DAffine3::from_scale(DVec3::new(-1.0, 1.0, 1.0))]);
    assert_eq!(scene.cast_ray(DVec3::new(0.1, 0.2, 5.0), Vec3::NEG_Z).unwrap().face, Face::Front);
    assert_eq!(scene.cast_ray(DVec3::new(0.1, 0.2, 0.0), Vec3::NEG_Z).unwrap().face, Face::Back);
}

#[test]
fn the_sub_part_is_the_place_of_the_material_in_the_mesh() {
    let square = |height: f32| {
        let [a, b, c] = [Vec3::new(-1.0, -1.0, height), Vec3::new(3.0, -1.0, height), Vec3::new(-1.0, 3.0, height)];
        soup(&[[a, b, c]])
    };
    let materials = [2, 1, 2];
    let primitives =
        materials.iter().enumerate().map(|(at, &material)| Primitive { material, ..square(at as f32) }).collect();
    let model = Model {
        nodes: vec![node("Stack", None, DAffine3::IDENTITY, Some(0))],
        meshes: vec![Mesh { primitives, ..Mesh::default() }],
        materials: vec![Material::default(); 3],
        ..Model::default()
    };
    let asset = asset(&model);
    let used = asset.mesh_materials(&asset.meshes()[0]).to_vec();
    let mut scene = Scene::new();
    scene.add_model(asset).unwrap();
    let hits = scene.cast_ray_for(DVec3::new(0.0, 0.0, 5.0), Vec3::NEG_Z, HitPolicy::AllByDistance(HITS_MAX));
    assert_eq!(hits.iter().map(|hit| used[hit.sub_part as usize]).collect::<Vec<_>>(), [2, 1, 2]);
}

#[test]
fn parts_that_are_hidden_or_behind_the_origin_are_not_hit() {
    let mut scene = scene_of(&[moved(0.0, 0.0, -5.0), moved(0.0, 0.0, -10.0), moved(0.0, 0.0, 5.0)]);
    scene.edit_overrides(&[EntityId(2)], StateOverrideEdit::visible(Some(false))).unwrap();
    let hit = scene.cast_ray(DVec3::ZERO, Vec3::NEG_Z).unwrap();
    assert_eq!(hit.instance, 1);
    assert!(scene.cast_ray(DVec3::new(0.0, 3.0, 0.0), Vec3::NEG_Z).is_none());
    scene.edit_overrides(&[EntityId(1)], StateOverrideEdit::visible(Some(false))).unwrap();
    assert!(scene.cast_ray(DVec3::ZERO, Vec3::NEG_Z).is_none());
}

#[test]
fn a_ray_with_a_zero_direction_or_a_number_that_is_not_finite_hits_nothing() {
    let mut scene = scene_of(&[DAffine3::IDENTITY]);
    let inside = DVec3::ZERO;
    for direction in [Vec3::ZERO, Vec3::NAN, Vec3::new(f32::INFINITY, 0.0, 0.0)] {
        assert!(scene.cast_ray(inside, direction).is_none(), "{direction}");
    }
    assert!(scene.cast_ray(DVec3::NAN, Vec3::X).is_none());
    // The length of the direction does not matter.
    for direction in [Vec3::X * 1e-30, Vec3::X * 1e30] {
        let hit = scene.cast_ray(inside, direction).unwrap();
        assert!((hit.distance - 1.0).abs() < 1e-6, "{direction}");
    }
}

#[test]
fn distance_and_normal_are_right_under_uneven_and_mirrored_scale() {
    let transform = DAffine3::from_scale_rotation_translation(
        DVec3::new(-4.0, 0.5, 1.0),
        DQuat::from_rotation_y(0.5),
        DVec3::new(0.0, 0.0, -10.0),
    );
    let mut scene = scene_of(&[transform]);
    let target = transform.transform_point3(DVec3::new(0.3, 1.0, -0.2));
    let origin = target + transform.transform_vector3(DVec3::new(0.0, 10.0, 0.0)) + DVec3::new(0.5, 0.0, 0.1);
    let hit = scene.cast_ray(origin, (target - origin).as_vec3()).unwrap();
    assert!((f64::from(hit.distance) - origin.distance(target)).abs() < 1e-4);
    assert!(hit.normal.abs_diff_eq(Vec3::Y, 1e-5), "{}", hit.normal);
}

#[test]
fn a_part_that_is_flattened_to_a_plane_is_still_hit() {
    let mut scene = scene_of(&[DAffine3::from_scale(DVec3::new(1.0, 1.0, 0.0))]);
    let hit = scene.cast_ray(DVec3::new(0.3, 0.4, 5.0), Vec3::NEG_Z).unwrap();
    assert!((hit.distance - 5.0).abs() < 1e-6);
}

#[test]
fn no_ray_slips_between_neighbours() {
    // A fan around the origin, seen by rays that go through its edges and corners.
    let rim = |step: i32| {
        let (sine, cosine) = (std::f32::consts::TAU * step as f32 / 7.0).sin_cos();
        Vec3::new(cosine, sine, 0.1 * sine)
    };
    let triangles: Vec<[Vec3; 3]> = (0..7).map(|step| [Vec3::ZERO, rim(step), rim((step + 1) % 7)]).collect();
    let mut scene = Scene::new();
    scene
        .add_model(model(vec![node("Fan", None, DAffine3::from_rotation_x(0.3), Some(0))], vec![soup(&triangles)]))
        .unwrap();
    let turned = DAffine3::from_rotation_x(0.3);
    for step in 0..7 {
        for part in 0..100 {
            let on_edge = turned.transform_point3((rim(step) * (part as f32 / 100.0) * 0.99).as_dvec3());
            let origin = DVec3::new(0.37, -0.21, 4.0);
            assert!(scene.cast_ray(origin, (on_edge - origin).as_vec3()).is_some(), "edge {step} at {part} %");
        }
    }
}

#[test]
fn many_groups_of_triangles_are_searched_in_full() {
    // The triangles do not fit one group. Each has a ray of its own.
    let at = |index: i32| Vec3::new((index % 40) as f32, (index / 40) as f32, -(index % 7) as f32);
    let triangles: Vec<[Vec3; 3]> = (0..1000)
        .map(|index| [at(index), at(index) + Vec3::new(0.8, 0.0, 0.0), at(index) + Vec3::new(0.0, 0.8, 0.0)])
        .collect();
    let mut scene = Scene::new();
    scene.add_model(model(vec![node("Soup", None, DAffine3::IDENTITY, Some(0))], vec![soup(&triangles)])).unwrap();
    for index in 0..1000 {
        let origin = at(index) + Vec3::new(0.2, 0.2, 0.0);
        let hit = scene.cast_ray(origin.with_z(10.0).as_dvec3(), Vec3::NEG_Z).unwrap();
        assert!((hit.distance - 10.0 - (index % 7) as f32).abs() < 1e-4, "triangle {index}");
    }
}

/// The position of a surveyed model. Single precision has steps of half a metre there.
const FAR: DVec3 = DVec3::new(4_000_000.0, 120.0, -3_000_000.0);

#[test]
fn a_model_5000_km_away_is_hit_to_the_millimetre() {
    let turned = DAffine3::from_rotation_translation(DQuat::from_rotation_y(0.3), FAR);
    let mut scene = scene_of(&[turned, turned * moved(2.0, 0.0, 0.0)]);
    for (height, reach) in [(0.123, 3.0), (-0.456, 250.0)] {
        let target = turned.transform_point3(DVec3::new(0.25, height, 1.0));
        let origin = turned.transform_point3(DVec3::new(0.25, height, 1.0 + reach));
        let hit = scene.cast_ray(origin, (target - origin).as_vec3()).expect("the first cube");
        assert_eq!(hit.instance, 0);
        assert!(hit.position.distance(target) < 1e-3, "{} m off", hit.position.distance(target));
        assert!((f64::from(hit.distance) - reach).abs() < 1e-3);
        assert!(hit.bounds.center().distance(FAR) < 1e-6);
    }
    let beside = turned.transform_point3(DVec3::new(-1.001, 0.0, 5.0));
    let towards = turned.transform_vector3(DVec3::NEG_Z).as_vec3();
    assert!(scene.cast_ray(beside, towards).is_none(), "a millimetre beside it");
}

#[test]
fn positions_near_the_largest_number_give_no_infinite_hit() {
    let mut scene = scene_of(&[moved(1e300, 0.0, 0.0), moved(0.0, f64::MAX, f64::MIN)]);
    for origin in [DVec3::ZERO, DVec3::splat(f64::MAX), DVec3::splat(1e300)] {
        for direction in [Vec3::X, Vec3::Y, Vec3::ONE, Vec3::NEG_Z] {
            if let Some(hit) = scene.cast_ray(origin, direction) {
                assert!(hit.position.is_finite(), "{hit:?}");
            }
        }
    }
}

fn vector(range: f32) -> impl Strategy<Value = Vec3> {
    [-range..range, -range..range, -range..range].prop_map(Vec3::from)
}

fn transform() -> impl Strategy<Value = DAffine3> {
    (vector(3.0), vector(3.0), vector(2.0)).prop_map(|(translation, angles, scale)| {
        let angles = angles.as_dvec3();
        let rotation = DQuat::from_euler(EulerRot::XYZ, angles.x, angles.y, angles.z);
        DAffine3::from_scale_rotation_translation(scale.as_dvec3(), rotation, translation.as_dvec3())
    })
}

/// An independent implementation: the test of Möller and Trumbore in double precision on all original triangles.
fn brute_force(scene: &Scene, origin: DVec3, direction: DVec3) -> Option<f64> {
    let mut nearest: Option<f64> = None;
    for instance in scene.instances().filter(|instance| instance.state.visible) {
        let asset = scene.model(instance.model).unwrap();
        let mesh = &asset.meshes()[instance.mesh as usize];
        let groups = &asset.groups()[mesh.group_first as usize..][..mesh.group_count as usize];
        let clusters = groups.iter().flat_map(|group| group.cluster_first..group.cluster_first + group.cluster_count);
        for cluster in clusters.filter(|&cluster| asset.clusters()[cluster as usize].refined == NONE) {
            for corners in asset.triangles(mesh, cluster) {
                let [a, b, c] = corners.map(|corner| instance.world.transform_point3(corner.as_dvec3()));
                let (first, second) = (b - a, c - a);
                let across = direction.cross(second);
                let determinant = first.dot(across);
                if determinant == 0.0 {
                    continue;
                }
                let from = origin - a;
                let u = from.dot(across) / determinant;
                let around = from.cross(first);
                let v = direction.dot(around) / determinant;
                let distance = second.dot(around) / determinant;
                if u >= 0.0 && v >= 0.0 && u + v <= 1.0 && distance >= 0.0 {
                    nearest = Some(nearest.map_or(distance, |nearest| nearest.min(distance)));
                }
            }
        }
    }
    nearest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_hit_agrees_with_brute_force(
        transforms in prop::collection::vec(transform(), 1..6),
        triangles in prop::collection::vec([vector(1.0), vector(1.0), vector(1.0)], 1..150),
        hidden in any::<prop::sample::Index>(),
        rays in prop::collection::vec((vector(6.0), vector(1.0)), 8),
    ) {
        let nodes = transforms.iter().map(|&transform| node("Soup", None, transform, Some(0))).collect();
        let mut scene = Scene::new();
        scene.add_model(model(nodes, vec![soup(&triangles)])).unwrap();
        let hidden = EntityId(hidden.index(transforms.len() + 1) as u64 + 1);
        scene.edit_overrides(&[hidden], StateOverrideEdit::visible(Some(false))).ok();
        for (origin, direction) in rays {
            let Some(unit) = direction.try_normalize() else { continue };
            let expected = brute_force(&scene, origin.as_dvec3(), unit.as_dvec3());
            let found = scene.cast_ray(origin.as_dvec3(), direction);
            // Either answer is correct for a triangle that is seen edge on or touched at its border.
            match (expected, found) {
                (Some(expected), Some(hit)) if (expected - f64::from(hit.distance)).abs() < 1e-4 => {
                    prop_assert!(hit.position.distance((origin + unit * hit.distance).as_dvec3()) < 1e-4);
                    prop_assert!(hit.normal.dot(unit) <= 1e-6);
                }
                (None, None) => {}
                (expected, found) => {
                    let jittered = [Vec3::X, Vec3::Y, Vec3::Z].into_iter().flat_map(|axis| [axis, -axis]).map(|axis| {
                        brute_force(&scene, (origin + axis * 1e-4).as_dvec3(), unit.as_dvec3())
                    });
                    let mut ways: Vec<Option<f64>> = jittered.collect();
                    ways.push(expected);
                    let is_borderline = ways.iter().any(|way| match (way, &found) {
                        (Some(distance), Some(hit)) => (distance - f64::from(hit.distance)).abs() < 1e-2,
                        (None, None) => true,
                        _ => false,
                    });
                    prop_assert!(is_borderline, "expected {expected:?}, found {found:?}");
                }
            }
        }
    }
}
