//! The sessions of an account that a caller may see: all of them, or with `sessions.private` only the caller's own.

use remora_protocol::token::Role;
use remora_session::{Owner, PersonId, Session};

use crate::token::Bearer;

/// The sessions that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    All,
    /// Those that this person has created.
    Own(PersonId),
    /// None, because the token of a Client names no person.
    Nothing,
}

impl Sight {
    /// Returns what a caller may see. `private` is the operator's `sessions.private`. Administrators, among them
    /// holders of an account key, see everything.
    pub(crate) fn of(caller: &Bearer, private: bool) -> Self {
        if !private || caller.role == Role::Administrator {
            return Sight::All;
        }
        match caller.owner.as_ref().and_then(Owner::person) {
            Some(person) => Sight::Own(person.clone()),
            None => Sight::Nothing,
        }
    }

    pub(crate) fn includes(&self, session: &Session) -> bool {
        match self {
            Sight::All => true,
            Sight::Own(person) => session.owner.as_ref().and_then(Owner::person) == Some(person),
            Sight::Nothing => false,
        }
    }
}
