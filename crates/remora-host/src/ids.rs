//! Newtypes for the numbers that name things in a host.

pub(crate) use remora_render::FrameSerial;

/// The id that a client chose for a command. The reply carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CommandId(pub(crate) u32);

impl CommandId {
    /// The client wants no reply to the command.
    pub(crate) const NO_REPLY: Self = Self(0);
    /// The id under which a client hears of the models of its session, which it has sent no command for.
    pub(crate) const SESSION_MODELS: Self = Self(u32::MAX);
}

/// The id of a camera pose, as the client numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PoseId(pub(crate) u32);

/// A number that rises with every connection, so that results for one connection never reach the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// Returns the id of the connection after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A number that rises with every load. Unlike the id of a command, it is never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LoadSerial(pub(crate) u64);

impl LoadSerial {
    /// Returns the serial of the load after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
