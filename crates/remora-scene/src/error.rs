//! Why an edit was refused, with the codes that clients of Azure Remote Rendering know.

use crate::ids::EntityId;

/// Upper bound on the bytes of a name that an entity is given.
pub const NAME_BYTES_MAX: usize = 1024;

/// A code of the `Result` of Azure Remote Rendering. Its number is that of the original, and its name that of the
/// variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ResultCode {
    /// A value is out of range or not finite.
    InvalidParam = 3,
    /// The id is that of something of another kind.
    InvalidType = 4,
    /// A text is too long.
    StringTooLong = 10,
    /// There is nothing of this id, or the id may not be chosen.
    InvalidId = 600,
    /// There is no entity of the id that was given for the parent.
    InvalidParentId = 601,
    /// The id is in use already.
    AlreadyExists = 602,
    /// An entity would be below itself.
    CyclicReference = 603,
    /// There are as many objects of the kind as there may be.
    ComponentLimitReached = 606,
}

impl ResultCode {
    /// Returns the number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidParam => "InvalidParam",
            Self::InvalidType => "InvalidType",
            Self::StringTooLong => "StringTooLong",
            Self::InvalidId => "InvalidId",
            Self::InvalidParentId => "InvalidParentId",
            Self::AlreadyExists => "AlreadyExists",
            Self::CyclicReference => "CyclicReference",
            Self::ComponentLimitReached => "ComponentLimitReached",
        }
    }
}

/// Why an edit was refused. A refused edit changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The entity has left the scene, or never was in it.
    #[error("entity {} is not in the scene; ids end with the scene that they were given for", .0.0)]
    EntityNotFound(EntityId),
    /// The parent has left the scene, or never was in it.
    #[error("entity {} is not in the scene and cannot be a parent", .0.0)]
    ParentNotFound(EntityId),
    /// The transform contains an infinity or NaN, or a rotation of length zero.
    #[error("the transform for entity {} contains a number that is not finite, or no rotation", .0.0)]
    TransformNotFinite(EntityId),
    /// The id is not one that a client may choose.
    #[error("entity {} cannot be created; a client chooses ids from 2^32 to 2^53 - 1", .0.0)]
    IdNotOfClient(EntityId),
    /// The id is in the scene, or was.
    #[error("entity {} cannot be created; each id that a client chooses is greater than all before", .0.0)]
    IdUsed(EntityId),
    /// The new parent is the entity itself or below it.
    #[error("entity {} cannot be put below itself", .0.0)]
    Cycle(EntityId),
    /// The name has more bytes than [`NAME_BYTES_MAX`].
    #[error("the name for entity {} is too long; accepted are {NAME_BYTES_MAX} bytes", .0.0)]
    NameTooLong(EntityId),
    /// The entity is in the scene, but no model was added with it as its root.
    #[error("entity {} is not the root of a model", .0.0)]
    NotAModel(EntityId),
    /// The scene would have more entities than it may have, or no id is left for a model.
    #[error("the scene cannot have more than {0} entities; destroy entities or unload a model first")]
    TooManyEntities(usize),
}

impl EditError {
    /// Returns the code of the original for this error.
    pub fn code(&self) -> ResultCode {
        match self {
            Self::EntityNotFound(_) | Self::IdNotOfClient(_) => ResultCode::InvalidId,
            Self::ParentNotFound(_) => ResultCode::InvalidParentId,
            Self::TransformNotFinite(_) => ResultCode::InvalidParam,
            Self::IdUsed(_) => ResultCode::AlreadyExists,
            Self::Cycle(_) => ResultCode::CyclicReference,
            Self::NameTooLong(_) => ResultCode::StringTooLong,
            Self::NotAModel(_) => ResultCode::InvalidType,
            Self::TooManyEntities(_) => ResultCode::ComponentLimitReached,
        }
    }
}
