//! Decodes and validates the commands of a client. A decoded command is in range and finite, whatever was sent.

use glam::{DQuat, DVec3, Quat, Vec3};
use prost::Message;
use remora_protocol::connection::{self as wire, client_command::Command as WireCommand};
use remora_render::Size;
use remora_scene::{EntityId, NewEntity, StateOverrideEdit, Transform};

use super::overrides;
use crate::ids::CommandId;

/// Accepted lengths of a viewport's sides, in pixels.
const VIEWPORT_PIXELS: std::ops::RangeInclusive<u32> = 64..=4096;
const URI_BYTES_MAX: usize = 4096;
/// Upper bound on the entities that one command names.
pub(super) const ENTITIES_MAX: usize = 65_536;
/// Larger coordinates are refused, because doubles are coarser than a tenth of a millimetre there.
const WORLD_METRES_MAX: f64 = 1e12;

/// A valid command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    pub(super) id: CommandId,
    pub(super) action: Action,
}

/// The action that a command asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    SetViewport(Size),
    LoadModel {
        uri: String,
        /// The model replaces all others when it is loaded.
        replace: bool,
    },
    UnloadAll,
    CastRay {
        origin: DVec3,
        direction: Vec3,
    },
    /// A point in normalised device coordinates, y up.
    Pick {
        x: f32,
        y: f32,
    },
    SetTransforms(Vec<(EntityId, Transform)>),
    Select(Vec<EntityId>),
    SetStateOverrides {
        entities: Vec<EntityId>,
        edit: StateOverrideEdit,
    },
    GetEntity(EntityId),
    Create(NewEntity),
    Destroy(EntityId),
    SetParent {
        entity: EntityId,
        parent: Option<EntityId>,
    },
    SetName {
        entity: EntityId,
        name: String,
    },
    SetEnabled {
        entity: EntityId,
        enabled: bool,
    },
    UnloadModel(EntityId),
    SetLatencyMarker(bool),
    Goodbye,
    Ping,
}

/// The reason why a command is refused, for the client's programmer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BadCommand {
    /// [`CommandId::NO_REPLY`] if the id could not be read.
    pub(super) id: CommandId,
    pub(super) message: String,
}

impl Command {
    /// Decodes a `ClientCommand`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadCommand> {
        let command = wire::ClientCommand::decode(bytes).map_err(|error| BadCommand {
            id: CommandId::NO_REPLY,
            message: format!("a message on the control channel is no ClientCommand: {error}"),
        })?;
        let id = CommandId(command.id);
        let action = match command.command {
            Some(command) => checked(command),
            None => Err("the command is empty, or newer than this host".to_owned()),
        };
        match action {
            Ok(action) => Ok(Self { id, action }),
            Err(message) => Err(BadCommand { id, message }),
        }
    }
}

/// Validates a command. The error says what is wrong with it and what is accepted.
fn checked(command: WireCommand) -> Result<Action, String> {
    Ok(match command {
        WireCommand::SetViewport(size) => {
            for (name, pixels) in [("width", size.width_pixels), ("height", size.height_pixels)] {
                if !VIEWPORT_PIXELS.contains(&pixels) {
                    return Err(format!(
                        "the viewport's {name} is {pixels} pixels; accepted are {} to {}",
                        VIEWPORT_PIXELS.start(),
                        VIEWPORT_PIXELS.end()
                    ));
                }
            }
            Action::SetViewport(Size::new(size.width_pixels, size.height_pixels))
        }
        WireCommand::LoadModel(load) => {
            if load.uri.is_empty() || load.uri.len() > URI_BYTES_MAX {
                return Err(format!("the model's address must have 1 to {URI_BYTES_MAX} bytes"));
            }
            Action::LoadModel { uri: load.uri, replace: load.replace }
        }
        WireCommand::UnloadAll(_) => Action::UnloadAll,
        WireCommand::CastRay(ray) => {
            let origin = place(ray.origin).ok_or_else(|| {
                format!("the ray's origin must be three numbers, none beyond {WORLD_METRES_MAX:e} metres")
            })?;
            let direction = finite(ray.direction)
                .and_then(Vec3::try_normalize)
                .ok_or("the ray's direction must be three numbers, not all zero")?;
            Action::CastRay { origin, direction }
        }
        WireCommand::Pick(wire::Pick { x, y }) => {
            if !(-1.0..=1.0).contains(&x) || !(-1.0..=1.0).contains(&y) {
                return Err(format!("the place in the frame is ({x}, {y}); accepted are -1 to 1 in both"));
            }
            Action::Pick { x, y }
        }
        WireCommand::SetTransform(set) => Action::SetTransforms(vec![transform(&set)?]),
        WireCommand::SetTransforms(set) => {
            check_count(set.transforms.len())?;
            Action::SetTransforms(set.transforms.iter().map(transform).collect::<Result<_, _>>()?)
        }
        WireCommand::SelectEntities(select) => {
            check_count(select.entities.len())?;
            Action::Select(select.entities.into_iter().map(EntityId).collect())
        }
        WireCommand::SetStateOverrides(wire::SetStateOverrides { entities, edit }) => {
            check_count(entities.len())?;
            let edit = overrides::edit(edit.unwrap_or_default())?;
            Action::SetStateOverrides { entities: entities.into_iter().map(EntityId).collect(), edit }
        }
        WireCommand::GetEntity(wire::GetEntity { entity }) => Action::GetEntity(EntityId(entity)),
        WireCommand::CreateEntity(create) => Action::Create(new_entity(create)?),
        WireCommand::DestroyEntity(wire::DestroyEntity { entity }) => Action::Destroy(EntityId(entity)),
        WireCommand::SetParent(wire::SetParent { entity, parent }) => {
            Action::SetParent { entity: EntityId(entity), parent: some_entity(parent) }
        }
        WireCommand::SetName(wire::SetName { entity, name }) => Action::SetName { entity: EntityId(entity), name },
        WireCommand::SetEnabled(wire::SetEnabled { entity, enabled }) => {
            Action::SetEnabled { entity: EntityId(entity), enabled }
        }
        WireCommand::UnloadModel(wire::UnloadModel { root_entity }) => Action::UnloadModel(EntityId(root_entity)),
        WireCommand::SetLatencyMarker(marker) => Action::SetLatencyMarker(marker.enabled),
        WireCommand::Goodbye(_) => Action::Goodbye,
        WireCommand::Ping(_) => Action::Ping,
    })
}

fn new_entity(create: wire::CreateEntity) -> Result<NewEntity, String> {
    let wire::CreateEntity { entity, parent, name, translation, rotation, scale, disabled } = create;
    let set = wire::SetTransform {
        entity,
        translation: Some(translation.unwrap_or_default()),
        rotation: rotation.or(Some(wire::Quaternion { w: 1.0, ..Default::default() })),
        scale: scale.or(Some(wire::Vector3 { x: 1.0, y: 1.0, z: 1.0 })),
    };
    let (id, transform) = transform(&set)?;
    Ok(NewEntity { id, parent: some_entity(parent), name, transform, enabled: !disabled })
}

/// Reads an id that may stand for none.
fn some_entity(id: u64) -> Option<EntityId> {
    (id != 0).then_some(EntityId(id))
}

fn check_count(entities: usize) -> Result<(), String> {
    if entities > ENTITIES_MAX {
        return Err(format!("the command names {entities} entities; accepted are at most {ENTITIES_MAX}"));
    }
    Ok(())
}

fn transform(set: &wire::SetTransform) -> Result<(EntityId, Transform), String> {
    let local = || {
        let scale = finite(set.scale).filter(|scale| scale.abs().min_element() > 0.0)?;
        let position = place(set.translation)?;
        let given = set.rotation?;
        rotation(given)?;
        let wire::Quaternion { x, y, z, w } = given;
        Some(Transform { position, rotation: Quat::from_xyzw(x, y, z, w), scale })
    };
    let local = local().filter(|local| local.affine().is_finite()).ok_or_else(|| {
        format!(
            "the transform for entity {} needs a translation of at most {WORLD_METRES_MAX:e} metres, finite rotation \
             and scale, and no scale of zero",
            set.entity
        )
    })?;
    Ok((EntityId(set.entity), local))
}

/// Returns a position in the world, if it is finite and within bounds.
pub(super) fn place(point: Option<wire::Point>) -> Option<DVec3> {
    let point = point?;
    let point = DVec3::new(point.x, point.y, point.z);
    (point.is_finite() && point.abs().max_element() <= WORLD_METRES_MAX).then_some(point)
}

/// Returns the unit quaternion, if the given one is finite and not close to zero.
pub(super) fn rotation(quaternion: wire::Quaternion) -> Option<DQuat> {
    let quaternion =
        DQuat::from_xyzw(quaternion.x.into(), quaternion.y.into(), quaternion.z.into(), quaternion.w.into());
    let length = quaternion.length();
    (length.is_finite() && length > 0.1).then(|| quaternion.normalize())
}

fn finite(vector: Option<wire::Vector3>) -> Option<Vec3> {
    let vector = vector?;
    let vector = Vec3::new(vector.x, vector.y, vector.z);
    vector.is_finite().then_some(vector)
}

#[cfg(test)]
mod tests {
    use remora_scene::ValueEdit;

    use super::*;
    use proptest::prelude::*;

    fn decoded(command: WireCommand) -> Result<Command, BadCommand> {
        Command::decode(&wire::ClientCommand { id: 9, command: Some(command) }.encode_to_vec())
    }

    fn transform(entity: u64, x: f64, scale: f32) -> wire::SetTransform {
        wire::SetTransform {
            entity,
            translation: Some(wire::Point { x, y: 0.0, z: 0.0 }),
            rotation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 2.0 }),
            scale: Some(wire::Vector3 { x: scale, y: scale, z: scale }),
        }
    }

    #[test]
    fn refusals_name_what_would_be_accepted_and_keep_the_id() {
        let many = ENTITIES_MAX + 1;
        let point = |x| Some(wire::Point { x, y: 0.0, z: 0.0 });
        let up = Some(wire::Vector3 { x: 0.0, y: 1.0, z: 0.0 });
        let paint = |green| wire::StateOverrideEdit {
            tint: Some(wire::TintEdit { tint: Some(wire::Color { red: 0, green, blue: 0, alpha: 0 }) }),
            ..Default::default()
        };
        let overrides =
            |entities, edit| WireCommand::SetStateOverrides(wire::SetStateOverrides { entities, edit: Some(edit) });
        let bad: [(WireCommand, &[&str]); 11] = [
            (
                WireCommand::SetViewport(wire::SetViewport { width_pixels: 63, height_pixels: 64 }),
                &["width is 63", "64 to 4096"],
            ),
            (
                WireCommand::CastRay(wire::CastRay { origin: point(0.0), direction: Some(Default::default()) }),
                &["zero"],
            ),
            (WireCommand::CastRay(wire::CastRay { origin: point(2e12), direction: up }), &["origin", "1e12"]),
            (WireCommand::Pick(wire::Pick { x: f32::NAN, y: 0.0 }), &["NaN", "-1 to 1"]),
            (WireCommand::Pick(wire::Pick { x: 0.0, y: 1.5 }), &["1.5", "-1 to 1"]),
            (
                WireCommand::SelectEntities(wire::SelectEntities { entities: vec![1; many] }),
                &["65537 entities", "at most 65536"],
            ),
            (
                WireCommand::SetTransforms(wire::SetTransforms { transforms: vec![transform(1, 0.0, 1.0); many] }),
                &["65537 entities", "at most 65536"],
            ),
            (
                WireCommand::SetTransforms(wire::SetTransforms {
                    transforms: vec![transform(1, 0.0, 1.0), transform(77, 0.0, 0.0)],
                }),
                &["entity 77", "no scale of zero"],
            ),
            (overrides(vec![1], paint(256)), &["256", "0 to 255"]),
            (overrides(vec![1; many], paint(0)), &["65537 entities", "at most 65536"]),
            (
                overrides(vec![1], wire::StateOverrideEdit { selected: 4, ..Default::default() }),
                &["edit of selected is 4", "0 to 3"],
            ),
        ];
        for (command, parts) in bad {
            let refused = decoded(command).expect_err("out of range");
            assert_eq!(refused.id, CommandId(9));
            assert!(parts.iter().all(|part| refused.message.contains(part)), "{}", refused.message);
        }
    }

    #[test]
    fn positions_keep_their_precision() {
        let far = 5_000_000.000_25;
        let set = decoded(WireCommand::SetTransform(transform(1, far, 1.0))).expect("a good transform");
        let Action::SetTransforms(moves) = set.action else { panic!("{set:?}") };
        let expected = glam::DAffine3::from_translation(DVec3::new(far, 0.0, 0.0));
        assert_eq!(
            moves.iter().map(|(id, local)| (*id, local.affine())).collect::<Vec<_>>(),
            [(EntityId(1), expected)]
        );
        let ray = wire::CastRay {
            origin: Some(wire::Point { x: 0.0, y: far, z: 0.0 }),
            direction: Some(wire::Vector3 { x: 0.0, y: -3.0, z: 0.0 }),
        };
        let expected = Action::CastRay { origin: DVec3::new(0.0, far, 0.0), direction: Vec3::NEG_Y };
        assert_eq!(decoded(WireCommand::CastRay(ray)).expect("a good ray").action, expected);
    }

    #[test]
    fn lists_of_the_largest_length_and_empty_ones_are_accepted() {
        for length in [0, ENTITIES_MAX] {
            let select = wire::SelectEntities { entities: vec![3; length] };
            let command = decoded(WireCommand::SelectEntities(select)).expect("within the limit");
            assert_eq!(command.action, Action::Select(vec![EntityId(3); length]));
        }
    }

    #[test]
    fn an_override_sets_unsets_or_keeps_each_value() {
        let edited = |edit: Option<wire::StateOverrideEdit>| {
            let set = wire::SetStateOverrides { entities: vec![3, 4], edit };
            match decoded(WireCommand::SetStateOverrides(set)).expect("within the limits").action {
                Action::SetStateOverrides { entities, edit } => {
                    assert_eq!(entities, [EntityId(3), EntityId(4)]);
                    edit
                }
                action => panic!("{action:?}"),
            }
        };
        assert_eq!(edited(None), StateOverrideEdit::default());
        let flags = |visible: wire::FlagEdit, selected: wire::FlagEdit, tint| wire::StateOverrideEdit {
            visible: visible.into(),
            selected: selected.into(),
            tint,
        };
        let unset_tint = Some(wire::TintEdit { tint: None });
        assert_eq!(
            edited(Some(flags(wire::FlagEdit::On, wire::FlagEdit::Off, unset_tint))),
            StateOverrideEdit {
                visible: ValueEdit::Set(true),
                selected: ValueEdit::Set(false),
                tint: ValueEdit::Unset
            }
        );
        let red = Some(wire::TintEdit { tint: Some(wire::Color { red: 255, green: 1, blue: 2, alpha: 128 }) });
        assert_eq!(
            edited(Some(flags(wire::FlagEdit::Unset, wire::FlagEdit::Keep, red))),
            StateOverrideEdit {
                visible: ValueEdit::Unset,
                selected: ValueEdit::Keep,
                tint: ValueEdit::Set([255, 1, 2, 128])
            }
        );
    }

    proptest! {
        #[test]
        fn no_bytes_crash_the_host(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::decode(&bytes);
        }

        #[test]
        fn accepted_transforms_are_finite(x: f64, scale: f32, turn in any::<[f32; 4]>()) {
            let [a, b, c, d] = turn;
            let rotation = Some(wire::Quaternion { x: a, y: b, z: c, w: d });
            let set = wire::SetTransform { rotation, ..transform(1, x, scale) };
            if let Ok(Command { action: Action::SetTransforms(moves), .. }) = decoded(WireCommand::SetTransform(set)) {
                prop_assert!(moves[0].1.affine().is_finite());
            }
        }
    }
}
