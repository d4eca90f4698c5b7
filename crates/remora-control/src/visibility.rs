//! The sessions of an account that a caller may see: all of them, or with `sessions.private` only the caller's own.

use remora_protocol::token::Role;
use remora_session::{Owner, PersonId, Session};

use crate::token::Bearer;

/// The sessions that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// All sessions of the account.
    All,
    /// Sessions that this person has created.
    Own(PersonId),
    /// No sessions: the caller is a Client whose token names no person.
    Nothing,
}

impl Visibility {
    /// Decides by role. `private` is the operator's `sessions.private`. Holders of an account key are Administrators,
    /// who see everything.
    pub(crate) fn of(caller: &Bearer, private: bool) -> Self {
        if !private || caller.role == Role::Administrator {
            return Visibility::All;
        }
        match caller.owner.as_ref().and_then(Owner::person) {
            Some(person) => Visibility::Own(person.clone()),
            None => Visibility::Nothing,
        }
    }

    /// Returns whether the caller may see this session.
    pub(crate) fn includes(&self, session: &Session) -> bool {
        match self {
            Visibility::All => true,
            Visibility::Own(person) => session.owner.as_ref().and_then(Owner::person) == Some(person),
            Visibility::Nothing => false,
        }
    }
}
