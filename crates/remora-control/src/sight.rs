//! Which sessions of its account a caller may see: all of them, or with `sessions.private` only their own.

use remora_protocol::token::Role;
use remora_session::{Owner, PersonId, Session};

use crate::token::Bearer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    All,
    Own(PersonId),
    /// A Client whose token names no person.
    Nothing,
}

impl Sight {
    /// `private` is the operator's `sessions.private`. Holders of an account key are Administrators, who see everything.
    pub fn of(caller: &Bearer, private: bool) -> Self {
        if !private || caller.role == Role::Administrator {
            return Sight::All;
        }
        match caller.owner.as_ref().and_then(Owner::person) {
            Some(person) => Sight::Own(person.clone()),
            None => Sight::Nothing,
        }
    }

    pub fn includes(&self, session: &Session) -> bool {
        match self {
            Sight::All => true,
            Sight::Own(person) => session.owner.as_ref().and_then(Owner::person) == Some(person),
            Sight::Nothing => false,
        }
    }
}
