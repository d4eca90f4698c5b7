//! Random commands on a scene and on a naive one, which derives everything from the top whenever it is asked.

use std::collections::BTreeMap;

use glam::{DAffine3, DVec3, Quat, Vec3};
use proptest::prelude::*;
use proptest::sample::Index;
use remora_asset::Asset;
use remora_scene::{
    EditError, EffectiveState, EntityId, Instance, ModelKey, NewEntity, ResultCode, Scene, StateOverrideEdit,
    Transform, ValueEdit,
};

use crate::models::{cube, model, moved, node};

#[derive(Clone, Debug)]
enum Command {
    /// The number is the distance from the last id that the client chose; the first is none.
    Create(u64, Option<Index>, Transform, bool),
    AddModel,
    Destroy(Index),
    Unload(Index),
    UnloadAll,
    SetParent(Index, Option<Index>),
    SetName(Index, usize),
    SetEnabled(Index, bool),
    SetTransform(Index, Transform),
    Hide(Index, Option<bool>),
    Select(Vec<Index>),
    Clear,
    Report,
}

/// An entity of the naive scene.
#[derive(Clone, Debug)]
struct Plain {
    parent: Option<EntityId>,
    name: String,
    local: DAffine3,
    enabled: bool,
    visible: Option<bool>,
    selected: Option<bool>,
    /// The model that the entity came with, and whether it has its mesh.
    origin: Option<(ModelKey, bool)>,
}

#[derive(Debug, Default)]
struct Naive {
    entities: BTreeMap<EntityId, Plain>,
    /// Children of each entity in their order.
    children: BTreeMap<EntityId, Vec<EntityId>>,
    roots: BTreeMap<EntityId, ModelKey>,
    client_last: u64,
}

impl Naive {
    fn derived(&self, id: EntityId) -> (DAffine3, EffectiveState) {
        let entity = &self.entities[&id];
        let (above, state) = match entity.parent {
            Some(parent) => self.derived(parent),
            None => (DAffine3::IDENTITY, EffectiveState::DEFAULT),
        };
        let world = if entity.parent.is_some() { above * entity.local } else { entity.local };
        let state = EffectiveState {
            enabled: state.enabled && entity.enabled,
            visible: entity.visible.unwrap_or(state.visible),
            selected: entity.selected.unwrap_or(state.selected),
            tint: state.tint,
        };
        (world, state)
    }

    fn is_below(&self, id: EntityId, above: EntityId) -> bool {
        id == above || self.entities[&id].parent.is_some_and(|parent| self.is_below(parent, above))
    }

    fn put(&mut self, id: EntityId, parent: Option<EntityId>) {
        self.children.values_mut().for_each(|children| children.retain(|&child| child != id));
        if let Some(parent) = parent {
            self.children.entry(parent).or_default().push(id);
        }
        self.entities.get_mut(&id).expect("it is there").parent = parent;
    }

    fn add(&mut self, id: EntityId, parent: Option<EntityId>, name: &str, local: DAffine3) -> &mut Plain {
        let (name, origin) = (name.to_owned(), None);
        let plain = Plain { parent, name, local, enabled: true, visible: None, selected: None, origin };
        self.entities.insert(id, plain);
        self.put(id, parent);
        self.entities.get_mut(&id).expect("it was added")
    }

    /// Removes what `wanted` says, with everything below, and returns the models that end.
    fn remove(&mut self, wanted: impl Fn(EntityId, &Plain) -> bool) -> Vec<ModelKey> {
        let tops: Vec<EntityId> =
            self.entities.iter().filter(|(id, plain)| wanted(**id, plain)).map(|(id, _)| *id).collect();
        let gone: Vec<EntityId> =
            self.entities.keys().copied().filter(|&id| tops.iter().any(|&top| self.is_below(id, top))).collect();
        for id in gone {
            self.entities.remove(&id);
            self.children.remove(&id);
            self.children.values_mut().for_each(|children| children.retain(|&child| child != id));
        }
        let is_left = |key: ModelKey| self.entities.values().any(|plain| plain.origin.is_some_and(|of| of.0 == key));
        let ended: Vec<(EntityId, ModelKey)> =
            self.roots.iter().map(|(root, key)| (*root, *key)).filter(|(_, key)| !is_left(*key)).collect();
        self.roots.retain(|root, _| ended.iter().all(|(other, _)| other != root));
        ended.into_iter().map(|(_, key)| key).collect()
    }

    fn instances(&self) -> Vec<Instance> {
        let shown = self.entities.iter().filter_map(|(&entity, plain)| {
            let (model, _) = plain.origin.filter(|origin| origin.1)?;
            let (world, state) = self.derived(entity);
            Some(Instance { entity, model, mesh: 0, world, state })
        });
        shown.collect()
    }
}

/// Two parts, one below the other, and one that has no mesh.
fn parts() -> Asset {
    let nodes = vec![
        node("a", None, moved(1.0, 0.0, 0.0), Some(0)),
        node("b", Some(0), moved(0.0, 2.0, 0.0), Some(0)),
        node("c", None, DAffine3::from_rotation_x(0.3), None),
    ];
    model(nodes, vec![cube()])
}

/// Returns an id that exists, mostly.
fn pick(naive: &Naive, index: Index) -> EntityId {
    let ids: Vec<EntityId> = naive.entities.keys().copied().chain([EntityId(0)]).collect();
    ids[index.index(ids.len())]
}

fn missing(naive: &Naive, id: EntityId) -> Option<ResultCode> {
    (!naive.entities.contains_key(&id)).then_some(ResultCode::InvalidId)
}

fn code<T>(result: Result<T, EditError>) -> Option<ResultCode> {
    result.err().map(|error| error.code())
}

/// Applies a command to both and compares the result.
fn apply(scene: &mut Scene, naive: &mut Naive, asset: &Asset, command: &Command) -> Result<(), TestCaseError> {
    match command.clone() {
        Command::Create(step, parent, transform, enabled) => {
            let id = EntityId(EntityId::CLIENT_FIRST.0 + naive.client_last + step - 1);
            let parent = parent.map(|parent| pick(naive, parent));
            let new = NewEntity { id, parent, name: "new".to_owned(), transform, enabled };
            let expected = match (id, step) {
                (id, _) if id < EntityId::CLIENT_FIRST => Some(ResultCode::InvalidId),
                (_, 0) => Some(ResultCode::AlreadyExists),
                _ => parent.and_then(|parent| missing(naive, parent)).map(|_| ResultCode::InvalidParentId),
            };
            prop_assert_eq!(code(scene.create(new)), expected);
            if expected.is_none() {
                naive.client_last += step;
                naive.add(id, parent, "new", transform.affine()).enabled = enabled;
            }
        }
        Command::AddModel => {
            let added = scene.add_model(asset.clone()).expect("room for the model");
            naive.roots.insert(added.root, added.model);
            naive.add(added.root, None, asset.name(), DAffine3::IDENTITY).origin = Some((added.model, false));
            for (at, record) in asset.nodes().iter().enumerate() {
                let parent = if at == 1 { added.root.0 + 1 } else { added.root.0 };
                let id = EntityId(added.root.0 + 1 + at as u64);
                let plain = naive.add(id, Some(EntityId(parent)), asset.text(record.name), record.local());
                plain.origin = Some((added.model, at < 2));
            }
        }
        Command::Destroy(index) => {
            let id = pick(naive, index);
            let expected = missing(naive, id);
            let done = scene.destroy(id);
            prop_assert_eq!(code(done.clone()), expected);
            if let Ok(mut left) = done {
                left.sort();
                prop_assert_eq!(left, naive.remove(|other, _| other == id));
            }
        }
        Command::Unload(index) => {
            let id = pick(naive, index);
            let key = naive.roots.get(&id).copied();
            let expected = if key.is_some() { None } else { missing(naive, id).or(Some(ResultCode::InvalidType)) };
            let done = scene.unload_model(id);
            prop_assert_eq!(code(done.clone()), expected);
            if let (Ok(mut left), Some(key)) = (done, key) {
                left.sort();
                prop_assert_eq!(left, naive.remove(|_, plain| plain.origin.is_some_and(|of| of.0 == key)));
            }
        }
        Command::UnloadAll => {
            scene.unload_models();
            naive.remove(|_, plain| plain.origin.is_some());
        }
        Command::SetParent(index, parent) => {
            let (id, parent) = (pick(naive, index), parent.map(|parent| pick(naive, parent)));
            let no_parent = parent.and_then(|parent| missing(naive, parent)).map(|_| ResultCode::InvalidParentId);
            let cycle =
                || parent.is_some_and(|parent| naive.is_below(parent, id)).then_some(ResultCode::CyclicReference);
            let expected = missing(naive, id).or(no_parent).or_else(cycle);
            prop_assert_eq!(code(scene.set_parent(id, parent)), expected);
            if expected.is_none() {
                naive.put(id, parent);
            }
        }
        _ => apply_values(scene, naive, command)?,
    }
    Ok(())
}

/// Applies a command that leaves the forest as it is.
fn apply_values(scene: &mut Scene, naive: &mut Naive, command: &Command) -> Result<(), TestCaseError> {
    match command.clone() {
        Command::SetName(index, length) => {
            let (id, name) = (pick(naive, index), "x".repeat(length));
            let expected = missing(naive, id).or((length > 1024).then_some(ResultCode::StringTooLong));
            prop_assert_eq!(code(scene.set_name(id, name.clone())), expected);
            if expected.is_none() {
                naive.entities.get_mut(&id).expect("it is there").name = name;
            }
        }
        Command::SetEnabled(index, enabled) => {
            let id = pick(naive, index);
            prop_assert_eq!(code(scene.set_enabled(id, enabled)), missing(naive, id));
            naive.entities.get_mut(&id).into_iter().for_each(|plain| plain.enabled = enabled);
        }
        Command::SetTransform(index, transform) => {
            let id = pick(naive, index);
            prop_assert_eq!(code(scene.set_transforms(&[(id, transform)])), missing(naive, id));
            naive.entities.get_mut(&id).into_iter().for_each(|plain| plain.local = transform.affine());
        }
        Command::Hide(index, visible) => {
            let id = pick(naive, index);
            let edit = StateOverrideEdit { visible: ValueEdit::from(visible), ..Default::default() };
            prop_assert_eq!(code(scene.edit_overrides(&[id], edit)), missing(naive, id));
            naive.entities.get_mut(&id).into_iter().for_each(|plain| plain.visible = visible);
        }
        Command::Select(indices) => {
            let ids: Vec<EntityId> = indices.iter().map(|&index| pick(naive, index)).collect();
            let expected = ids.iter().find_map(|&id| missing(naive, id));
            prop_assert_eq!(code(scene.select(&ids)), expected);
            if expected.is_none() {
                for (id, plain) in &mut naive.entities {
                    plain.selected = ids.contains(id).then_some(true);
                }
            }
        }
        Command::Clear => {
            scene.clear();
            *naive = Naive::default();
        }
        _ => {}
    }
    Ok(())
}

/// Compares everything that can be read.
fn compare(scene: &Scene, naive: &Naive) -> Result<(), TestCaseError> {
    scene.assert_consistent();
    prop_assert_eq!(scene.entities(), naive.entities.len());
    for (&id, plain) in &naive.entities {
        let view = scene.entity(id).expect("both have it");
        let (world, state) = naive.derived(id);
        prop_assert_eq!((view.parent, view.name, view.enabled), (plain.parent, plain.name.as_str(), plain.enabled));
        prop_assert_eq!((view.local, view.world, view.state), (plain.local, world, state));
        prop_assert_eq!((view.overrides.visible, view.overrides.selected), (plain.visible, plain.selected));
        let children = naive.children.get(&id).cloned().unwrap_or_default();
        prop_assert_eq!(scene.children(id).collect::<Vec<_>>(), children);
    }
    let models: Vec<ModelKey> = naive.roots.values().copied().collect();
    prop_assert_eq!(scene.models().map(|(key, _)| key).collect::<Vec<_>>(), models);
    Ok(())
}

/// Brings a copy of the slots up to date by the report alone.
fn report(scene: &mut Scene, copy: &mut Vec<Option<Instance>>) {
    let changes = scene.take_changes();
    let slots = scene.instance_slots();
    if changes.structure {
        *copy = slots.to_vec();
    }
    for &slot in &changes.removed {
        assert!(copy[slot as usize].take().is_some());
    }
    copy.resize(slots.len(), None);
    for &slot in &changes.created {
        copy[slot as usize] = slots[slot as usize];
    }
    for &slot in &changes.changed {
        let before = std::mem::replace(&mut copy[slot as usize], slots[slot as usize]);
        assert_eq!(before.map(|instance| instance.entity), slots[slot as usize].map(|instance| instance.entity));
    }
    assert_eq!(copy, slots);
}

fn transform() -> impl Strategy<Value = Transform> {
    let numbers = [-3.0..3.0f64, -3.0..3.0, -3.0..3.0];
    (numbers, -3.0..3.0f32, 0.2..2.0f32).prop_map(|(position, angle, factor)| Transform {
        position: DVec3::from(position),
        rotation: Quat::from_rotation_x(angle) * Quat::from_rotation_z(angle * 0.7),
        scale: Vec3::new(factor, -1.0, 1.5),
    })
}

fn command() -> impl Strategy<Value = Command> {
    let any_index = any::<Index>;
    prop_oneof![
        6 => (0..4u64, any::<Option<Index>>(), transform(), any::<bool>())
            .prop_map(|(step, parent, transform, enabled)| Command::Create(step, parent, transform, enabled)),
        4 => Just(Command::AddModel),
        3 => any_index().prop_map(Command::Destroy),
        2 => any_index().prop_map(Command::Unload),
        6 => (any_index(), any::<Option<Index>>()).prop_map(|(id, parent)| Command::SetParent(id, parent)),
        1 => (any_index(), prop_oneof![0..9usize, 1020..1030usize]).prop_map(|(id, n)| Command::SetName(id, n)),
        3 => (any_index(), any::<bool>()).prop_map(|(id, enabled)| Command::SetEnabled(id, enabled)),
        3 => (any_index(), transform()).prop_map(|(id, transform)| Command::SetTransform(id, transform)),
        2 => (any_index(), any::<Option<bool>>()).prop_map(|(id, visible)| Command::Hide(id, visible)),
        2 => prop::collection::vec(any_index(), 0..4).prop_map(Command::Select),
        1 => prop_oneof![Just(Command::UnloadAll), Just(Command::Clear)],
        4 => Just(Command::Report),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_scene_does_what_a_naive_one_does(commands in prop::collection::vec(command(), 0..80)) {
        let (mut scene, mut naive, asset, mut copy) = (Scene::new(), Naive::default(), parts(), Vec::new());
        for command in &commands {
            apply(&mut scene, &mut naive, &asset, command)?;
            compare(&scene, &naive)?;
            if matches!(command, Command::Report) {
                report(&mut scene, &mut copy);
            }
        }
        report(&mut scene, &mut copy);
        let mut instances: Vec<Instance> = copy.into_iter().flatten().collect();
        instances.sort_by_key(|instance| instance.entity);
        prop_assert_eq!(instances, naive.instances());
    }
}
