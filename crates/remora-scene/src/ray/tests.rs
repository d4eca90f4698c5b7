//! The trees of boxes against a pass over all triangles, after random edits.

use glam::{DQuat, EulerRot};
use proptest::prelude::*;
use proptest::sample::Index;
use remora_asset::Asset;
use remora_asset::layout::NONE;
use remora_build::{BuildOptions, build_asset};
use remora_model::{Material, Mesh, Model, Node, Primitive};

use super::*;
use crate::{NewEntity, StateOverrideEdit};

#[derive(Clone, Debug)]
enum Edit {
    AddModel,
    Create(Index),
    Destroy(Index),
    Unload(Index),
    SetParent(Index, Option<Index>),
    Move(Vec<(Index, DAffine3)>),
    Enable(Index, bool),
    Show(Index, Option<bool>),
    Replace(Index),
    Clear,
}

const CORNERS: [Vec3; 8] = [Vec3::X, Vec3::Y, Vec3::Z, Vec3::NEG_X, Vec3::ZERO, Vec3::NEG_ONE, Vec3::ONE, Vec3::NEG_Y];

/// A cross of a few triangles, which a ray may meet several times at the same distance.
fn primitive(size: f32) -> Primitive {
    Primitive {
        positions: CORNERS.iter().map(|&corner| (corner * size).into()).collect(),
        normals: vec![[0.0, 1.0, 0.0]; CORNERS.len()],
        indices: vec![0, 1, 2, 3, 4, 1, 5, 6, 0, 7, 2, 3, 1, 6, 7],
        ..Primitive::default()
    }
}

/// Parts beside and below each other, two of them in the same place.
fn asset(size: f32) -> Asset {
    let node = |parent: Option<u32>, x: f64, mesh| Node {
        parent,
        transform: DAffine3::from_translation(DVec3::new(x, 0.3 * x, 0.0)),
        mesh: Some(mesh),
        ..Node::default()
    };
    let mesh = |size| Mesh { primitives: vec![primitive(size)], ..Mesh::default() };
    let model = Model {
        nodes: vec![node(None, 0.0, 0), node(Some(0), 1.5, 1), node(Some(1), 0.0, 1), node(None, -2.0, 0)],
        meshes: vec![mesh(size), mesh(size * 0.5)],
        materials: vec![Material::default()],
        ..Model::default()
    };
    build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false).expect("a consistent model")
}

fn pick(scene: &Scene, index: Index) -> EntityId {
    let ids: Vec<EntityId> = scene.instances().map(|instance| instance.entity).collect();
    if ids.is_empty() { EntityId(0) } else { ids[index.index(ids.len())] }
}

/// Applies an edit; one that the scene refuses changes nothing.
fn apply(scene: &mut Scene, roots: &mut Vec<crate::AddedModel>, assets: &[Asset; 2], edit: &Edit) {
    let any = |scene: &Scene, index| pick(scene, index);
    let root = |roots: &[crate::AddedModel], index: Index| (!roots.is_empty()).then(|| index.index(roots.len()));
    match edit.clone() {
        Edit::AddModel => roots.push(scene.add_model(assets[roots.len() % 2].clone()).expect("room for it")),
        Edit::Create(parent) => {
            let parent = Some(any(scene, parent));
            scene.create(NewEntity { parent, ..NewEntity::new(scene.client_next) }).ok();
        }
        Edit::Destroy(id) => drop(scene.destroy(any(scene, id))),
        Edit::Unload(index) => {
            if let Some(at) = root(roots, index) {
                scene.unload_model(roots.remove(at).root).ok();
            }
        }
        Edit::SetParent(id, parent) => {
            let parent = parent.map(|parent| any(scene, parent));
            scene.set_parent(any(scene, id), parent).ok();
        }
        Edit::Move(moves) => {
            let moves: Vec<_> = moves.into_iter().map(|(id, local)| (any(scene, id), local)).collect();
            scene.set_locals(&moves).ok();
        }
        Edit::Enable(id, enabled) => drop(scene.set_enabled(any(scene, id), enabled)),
        Edit::Show(id, visible) => {
            scene.edit_overrides(&[any(scene, id)], StateOverrideEdit::visible(visible)).ok();
        }
        Edit::Replace(index) => {
            if let Some(at) = root(roots, index) {
                scene.replace_model(roots[at].model, assets[at % 2].clone()).ok();
            }
        }
        Edit::Clear => {
            scene.clear();
            roots.clear();
        }
    }
}

/// Distance and instance of every triangle on the ray, from near to far, without any box.
fn all(scene: &Scene, ray: &Ray) -> Vec<(f32, u32)> {
    let mut met = Vec::new();
    for (slot, instance) in (0..).zip(scene.instance_slots()) {
        let Some(instance) = instance.filter(|instance| instance.state.is_shown()) else { continue };
        let (asset, mesh) = (scene.model(instance.model).expect("its model"), scene.mesh(&instance));
        let world = ray.relative(&instance.world);
        let groups = &asset.groups()[mesh.group_first as usize..][..mesh.group_count as usize];
        let clusters = groups.iter().flat_map(|group| group.cluster_first..group.cluster_first + group.cluster_count);
        for cluster in clusters.filter(|&cluster| asset.clusters()[cluster as usize].refined == NONE) {
            let triangles = asset.triangles(mesh, cluster);
            met.extend(triangles.filter_map(|corners| {
                let distance = ray.distance_to(&corners.map(|corner| world.transform_point3(corner)))?;
                Some((distance, slot))
            }));
        }
    }
    met.sort_by(|one, other| one.partial_cmp(other).expect("distances are numbers"));
    met
}

/// Compares the hits under each policy.
fn check(scene: &mut Scene, origin: DVec3, direction: Vec3, wanted: usize) -> Result<(), TestCaseError> {
    let mut cast = |policy| {
        let hits = scene.cast_ray_for(origin, direction, policy);
        hits.iter().map(|hit| (hit.distance, hit.instance)).collect::<Vec<_>>()
    };
    let (closest, any) = (cast(HitPolicy::Closest), cast(HitPolicy::Any));
    let (some, most) = (cast(HitPolicy::AllByDistance(wanted)), cast(HitPolicy::AllByDistance(usize::MAX)));
    let expected = Ray::new(origin, direction).map(|ray| all(scene, &ray)).unwrap_or_default();
    prop_assert_eq!(&closest[..], &expected[..expected.len().min(1)]);
    prop_assert_eq!(&some[..], &expected[..expected.len().min(wanted)]);
    prop_assert_eq!(&most[..], &expected[..expected.len().min(HITS_MAX)]);
    prop_assert_eq!(any.len(), expected.len().min(1));
    prop_assert!(any.iter().all(|hit| expected.contains(hit)));
    Ok(())
}

/// Returns a ray from afar to a corner of a triangle, where boxes end as well.
fn aimed(scene: &Scene, at: Index, corner: Index, from: DVec3) -> Option<(DVec3, Vec3)> {
    let instance = scene.instances().nth(at.index(scene.parts().max(1)))?;
    let corners = CORNERS.map(|corner| corner * if instance.mesh == 0 { 1.0 } else { 0.5 });
    let target = instance.world.transform_point3(corners[corner.index(corners.len())].as_dvec3());
    Some((target + from, (-from).as_vec3()))
}

fn numbers(range: f64) -> impl Strategy<Value = DVec3> {
    [-range..range, -range..range, -range..range].prop_map(DVec3::from)
}

/// Places near and far, some of them flattened, enlarged, or beyond what single precision holds.
fn place() -> impl Strategy<Value = DAffine3> {
    let scale = prop_oneof![8 => numbers(2.0), 1 => Just(DVec3::new(1.0, 0.0, 1.0)), 1 => Just(DVec3::splat(1e-3))];
    let position = prop_oneof![
        10 => numbers(6.0),
        2 => numbers(1.0).prop_map(|near| near + DVec3::new(4e6, 0.0, -3e6)),
        1 => Just(DVec3::new(1e300, f64::MAX, 0.0)),
    ];
    (scale, numbers(3.0), position).prop_map(|(scale, angles, position)| {
        let rotation = DQuat::from_euler(EulerRot::XYZ, angles.x, angles.y, angles.z);
        DAffine3::from_scale_rotation_translation(scale, rotation, position)
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        6 => Just(Edit::AddModel),
        1 => index().prop_map(Edit::Create),
        2 => index().prop_map(Edit::Destroy),
        1 => index().prop_map(Edit::Unload),
        2 => (index(), any::<Option<Index>>()).prop_map(|(id, parent)| Edit::SetParent(id, parent)),
        6 => prop::collection::vec((index(), place()), 1..4).prop_map(Edit::Move),
        1 => (index(), any::<bool>()).prop_map(|(id, enabled)| Edit::Enable(id, enabled)),
        2 => (index(), any::<Option<bool>>()).prop_map(|(id, visible)| Edit::Show(id, visible)),
        1 => index().prop_map(Edit::Replace),
    ]
}

/// Directions of any kind, many along the axes and so along the faces of boxes.
fn direction() -> impl Strategy<Value = Vec3> {
    let step = || -1..=1_i32;
    prop_oneof![
        3 => numbers(1.0).prop_map(|direction| Vec3::from(direction.to_array().map(|number| number as f32))),
        2 => [step(), step(), step()].prop_map(|steps| Vec3::from(steps.map(|step| step as f32))),
        1 => Just(Vec3::new(f32::NAN, 1.0, 0.0)),
    ]
}

/// Origins of any kind, many at corners of triangles that were not moved.
fn origin() -> impl Strategy<Value = DVec3> {
    let step = || -8..=8_i32;
    prop_oneof![
        3 => numbers(8.0),
        3 => [step(), step(), step()].prop_map(|steps| DVec3::from(steps.map(|step| f64::from(step) * 0.5))),
        1 => numbers(2.0).prop_map(|near| near + DVec3::new(4e6, 0.0, -3e6)),
        1 => Just(DVec3::new(f64::MAX, 0.0, -1e300)),
    ]
}

/// Distances from a metre to a thousand kilometres.
fn afar() -> impl Strategy<Value = DVec3> {
    let along = [Just(DVec3::X), Just(DVec3::NEG_Y), Just(DVec3::Z)];
    let [x, y, z] = along;
    (prop_oneof![6 => numbers(1.0), 1 => x, 1 => y, 1 => z], 0..7)
        .prop_map(|(direction, zeros)| direction * 10_f64.powi(zeros))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_tree_leaves_out_nothing(
        start in 0..12_usize,
        rounds in prop::collection::vec(
            (
                prop::collection::vec(edit(), 0..4),
                prop::collection::vec((origin(), direction()), 4),
                prop::collection::vec((any::<Index>(), any::<Index>(), afar()), 4),
            ),
            1..20,
        ),
        cleared in 0..40_usize,
        wanted in 0..6_usize,
    ) {
        let (mut scene, mut roots, assets) = (Scene::new(), Vec::new(), [asset(1.0), asset(2.0)]);
        (0..start).for_each(|_| apply(&mut scene, &mut roots, &assets, &Edit::AddModel));
        for (round, (edits, rays, targets)) in rounds.iter().enumerate() {
            edits.iter().for_each(|edit| apply(&mut scene, &mut roots, &assets, edit));
            if round == cleared {
                apply(&mut scene, &mut roots, &assets, &Edit::Clear);
            }
            for &(origin, direction) in rays {
                check(&mut scene, origin, direction, wanted)?;
            }
            for (at, corner, from) in targets {
                if let Some((origin, direction)) = aimed(&scene, *at, *corner, *from) {
                    check(&mut scene, origin, direction, wanted)?;
                }
            }
            scene.bvh.check();
        }
    }
}
