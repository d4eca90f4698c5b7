//! Conversion of owners to and from their form in access tokens and orders of hosts.

use remora_protocol::token;
use remora_session::{Owner, Person, PersonId};

/// Returns the form of an owner in tokens and orders.
pub(crate) fn to_wire(owner: &Owner) -> token::Owner {
    let person =
        owner.person().map(|id| token::PersonId { issuer: id.issuer().to_owned(), subject: id.subject().to_owned() });
    token::Owner { person, name: owner.name().to_owned() }
}

/// Reads that form. Returns `None` if this service cannot have written it.
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
    fn owners_arrive_as_they_were() {
        let id = PersonId::new("https://login.example", "subject").unwrap();
        for owner in [Owner::AccountKey, Owner::Person(Person::new(id, "Ann"))] {
            assert_eq!(from_wire(&to_wire(&owner)), Some(owner));
        }
        let person = Some(token::PersonId { issuer: String::new(), subject: "x".into() });
        assert_eq!(from_wire(&token::Owner { person, name: String::new() }), None);
    }
}
