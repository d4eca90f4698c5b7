//! Reads a person from the claims of a token.

use remora_session::{Person, PersonId};
use serde_json::{Map, Value};

use crate::config::Identity;

/// Claims with a name for people to read, the preferred one first.
const NAMES: [&str; 3] = ["name", "preferred_username", "email"];

/// Returns the person, or `None` if the claims have no usable subject.
pub(super) fn of(claims: &Map<String, Value>, identity: &Identity) -> Option<Person> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let id = PersonId::new(&identity.issuer, text(&identity.subject_claim)?).ok()?;
    let name = NAMES.into_iter().filter_map(text).find(|name| !name.trim().is_empty()).unwrap_or_default();
    Some(Person::new(id, name))
}
