//! State overrides: how an entity is shown, and everything below it.
//!
//! Each entity has one [`StateOverride`], in which each value is set or not. One rule derives the [`EffectiveState`]
//! from it, value by value: **an entity's effective value is its own value where that is set, and otherwise the
//! effective value of its parent.** A root inherits [`EffectiveState::DEFAULT`]: visible, not selected, no tint.
//!
//! The nearest override wins. A hidden assembly therefore hides all of its parts except those that are set to visible
//! themselves, and a selected assembly selects all of its parts except those that are set to not selected. To end an
//! override, unset the value: an entity whose `visible` is unset is shown if its parent is. The
//! `HierarchicalStateOverrideComponent` of Azure Remote Rendering follows the same rule.
//!
//! To add a value, add a field to each of the three structs; the compiler then lists the places to extend, because
//! the functions below name every field.

/// A colour that replaces the colour of a surface: red, green and blue in sRGB, then the weight of the tint, from 0 for
/// none to 255 for a full replacement.
pub type Tint = [u8; 4];

/// The values that are set on one entity; `None` where the entity inherits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateOverride {
    /// Shows or hides the entity and everything below it.
    pub visible: Option<bool>,
    /// Outlines the entity and everything below it, or leaves the outline away.
    pub selected: Option<bool>,
    /// Tints the entity and everything below it. A weight of 0 keeps an inherited tint away.
    pub tint: Option<Tint>,
}

/// The state in which an entity is shown, derived from its own overrides and those above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveState {
    /// The entity and all above it are switched on, and their transforms to the world are within [`crate::WORLD_MAX`].
    /// An entity that is not enabled is not shown, whatever the overrides say.
    pub enabled: bool,
    /// Drawn and met by rays, if it is enabled.
    pub visible: bool,
    /// Outlined.
    pub selected: bool,
    /// Its weight is 0 where nothing is tinted.
    pub tint: Tint,
}

/// A change of one value of a [`StateOverride`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueEdit<T> {
    /// Leaves the value alone.
    #[default]
    Keep,
    /// Ends the override, so that the entity inherits the value.
    Unset,
    /// Sets the entity's own value.
    Set(T),
}

/// A change of a [`StateOverride`]; the default keeps every value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateOverrideEdit {
    /// Change of [`StateOverride::visible`].
    pub visible: ValueEdit<bool>,
    /// Change of [`StateOverride::selected`].
    pub selected: ValueEdit<bool>,
    /// Change of [`StateOverride::tint`].
    pub tint: ValueEdit<Tint>,
}

impl EffectiveState {
    /// The state of a root that is switched on and on which nothing is set.
    pub const DEFAULT: Self = Self { enabled: true, visible: true, selected: false, tint: [0; 4] };

    /// Returns whether the entity is drawn and met by rays.
    pub fn is_shown(self) -> bool {
        self.enabled && self.visible
    }

    /// Derives the state of an entity from its own overrides and switch, and from the state of its parent.
    pub(crate) fn derive(own: StateOverride, enabled: bool, parent: Self) -> Self {
        let StateOverride { visible, selected, tint } = own;
        Self {
            enabled: enabled && parent.enabled,
            visible: visible.unwrap_or(parent.visible),
            selected: selected.unwrap_or(parent.selected),
            tint: tint.unwrap_or(parent.tint),
        }
    }
}

impl StateOverride {
    /// Returns the overrides after an edit.
    pub(crate) fn edited(self, edit: StateOverrideEdit) -> Self {
        let StateOverrideEdit { visible, selected, tint } = edit;
        Self {
            visible: visible.applied_to(self.visible),
            selected: selected.applied_to(self.selected),
            tint: tint.applied_to(self.tint),
        }
    }
}

impl StateOverrideEdit {
    /// Sets or, with `None`, unsets [`StateOverride::visible`] and keeps the rest.
    pub fn visible(visible: Option<bool>) -> Self {
        Self { visible: visible.into(), ..Self::default() }
    }

    /// Sets or, with `None`, unsets [`StateOverride::selected`] and keeps the rest.
    pub fn selected(selected: Option<bool>) -> Self {
        Self { selected: selected.into(), ..Self::default() }
    }

    /// Sets or, with `None`, unsets [`StateOverride::tint`] and keeps the rest.
    pub fn tint(tint: Option<Tint>) -> Self {
        Self { tint: tint.into(), ..Self::default() }
    }
}

impl<T> ValueEdit<T> {
    fn applied_to(self, own: Option<T>) -> Option<T> {
        match self {
            Self::Keep => own,
            Self::Unset => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for ValueEdit<T> {
    fn from(own: Option<T>) -> Self {
        own.map_or(Self::Unset, Self::Set)
    }
}
