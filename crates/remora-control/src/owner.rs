//! Conversion of owners between the domain and the wire format of access tokens and host specifications.

use remora_protocol::token;
use remora_session::{Owner, Person, PersonId};

/// Converts to the wire format.
pub(crate) fn to_wire(owner: &Owner) -> token::Owner {
    let person =
        owner.person().map(|id| token::PersonId { issuer: id.issuer().to_owned(), subject: id.subject().to_owned() });
    token::Owner { person, name: owner.name().to_owned() }
}

/// Converts from the wire format. Returns `None` for an invalid person id.
pub(crate) fn from_wire(owner: &token::Owner) -> Option<Owner> {
    let Some(token::PersonId { issuer, subject }) = &owner.person else {
        return Some(Owner::AccountKey);
    };
    let id = PersonId::new(issuer, subject).ok()?;
    Some(Owner::Person(Person::new(id, &owner.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_survive_the_conversion() {
        let id = PersonId::new("https://login.example", "subject").unwrap();
        for owner in [Owner::AccountKey, Owner::Person(Person::new(id, "Ann"))] {
            assert_eq!(from_wire(&to_wire(&owner)), Some(owner));
        }
        let person = Some(token::PersonId { issuer: String::new(), subject: "x".into() });
        assert_eq!(from_wire(&token::Owner { person, name: String::new() }), None);
    }
}
