//! State overrides as the protocol carries them. A new value is added here, in the scene and in the schema.

use remora_protocol::connection as wire;
use remora_scene::{EffectiveState, StateOverride, StateOverrideEdit, Tint, ValueEdit};

/// Writes the values that are set on an entity.
pub(super) fn state_override(own: StateOverride) -> wire::StateOverride {
    let StateOverride { visible, selected, tint } = own;
    wire::StateOverride { visible, selected, tint: tint.map(color) }
}

/// Writes the state in which an entity is shown.
pub(super) fn effective_state(state: EffectiveState) -> wire::EffectiveState {
    let EffectiveState { enabled, visible, selected, tint } = state;
    wire::EffectiveState { enabled, visible, selected, tint: (tint[3] > 0).then(|| color(tint)) }
}

fn color(tint: Tint) -> wire::Color {
    let [red, green, blue, alpha] = tint.map(u32::from);
    wire::Color { red, green, blue, alpha }
}

/// Reads a change of a state override. On an error, returns the value that is wrong and what would be accepted.
pub(super) fn edit(edit: wire::StateOverrideEdit) -> Result<StateOverrideEdit, String> {
    let wire::StateOverrideEdit { visible, selected, tint: tint_edit } = edit;
    let tint = match tint_edit {
        None => ValueEdit::Keep,
        Some(wire::TintEdit { tint: None }) => ValueEdit::Unset,
        Some(wire::TintEdit { tint: Some(color) }) => ValueEdit::Set(tint(color)?),
    };
    Ok(StateOverrideEdit { visible: flag_edit("visible", visible)?, selected: flag_edit("selected", selected)?, tint })
}

fn flag_edit(name: &str, edit: i32) -> Result<ValueEdit<bool>, String> {
    Ok(match wire::FlagEdit::try_from(edit) {
        Ok(wire::FlagEdit::Keep) => ValueEdit::Keep,
        Ok(wire::FlagEdit::Unset) => ValueEdit::Unset,
        Ok(wire::FlagEdit::On) => ValueEdit::Set(true),
        Ok(wire::FlagEdit::Off) => ValueEdit::Set(false),
        Err(_) => return Err(format!("the edit of {name} is {edit}; accepted are 0 to 3")),
    })
}

fn tint(color: wire::Color) -> Result<Tint, String> {
    let wire::Color { red, green, blue, alpha } = color;
    let channel = |value: u32| {
        u8::try_from(value).map_err(|_| format!("a channel of the colour is {value}; accepted are 0 to 255"))
    };
    Ok([channel(red)?, channel(green)?, channel(blue)?, channel(alpha)?])
}
