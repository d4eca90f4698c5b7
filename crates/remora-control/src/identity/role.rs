//! Maps a claim to a role.

use std::collections::BTreeMap;

use remora_protocol::token::Role;
use serde_json::{Map, Value};

use crate::config::RoleName;

/// Returns the most powerful role that the claim's values map to. The claim is a string, a string of words or a list of
/// strings. It is a claim of that name or, with its name split at the dots, a nested one.
pub(super) fn strongest(claims: &Map<String, Value>, claim: &str, roles: &BTreeMap<String, RoleName>) -> Option<Role> {
    let values = claims.get(claim).or_else(|| nested(claims, claim))?;
    let mut found = None;
    for value in words(values) {
        match roles.get(value) {
            Some(RoleName::Administrator) => return Some(Role::Administrator),
            Some(RoleName::Client) => found = Some(Role::Client),
            None => {}
        }
    }
    found
}

fn nested<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.')?;
    let inner = claims.get(first)?.as_object()?;
    inner.get(rest).or_else(|| nested(inner, rest))
}

fn words(value: &Value) -> Vec<&str> {
    match value {
        // The name of a role may contain a blank, so the whole text is a candidate too.
        Value::String(text) => std::iter::once(text.as_str()).chain(text.split_whitespace()).collect(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(claims: &str, claim: &str) -> Option<Role> {
        let roles =
            [("admin", RoleName::Administrator), ("Remote Client", RoleName::Client), ("use", RoleName::Client)]
                .map(|(value, role)| (value.to_owned(), role));
        strongest(&serde_json::from_str(claims).unwrap(), claim, &BTreeMap::from(roles))
    }

    #[test]
    fn the_strongest_role_of_a_string_words_or_a_list_counts() {
        for (claims, expected) in [
            (r#"{"roles":"admin"}"#, Some(Role::Administrator)),
            (r#"{"roles":"openid use profile"}"#, Some(Role::Client)),
            (r#"{"roles":"use admin"}"#, Some(Role::Administrator)),
            (r#"{"roles":"Remote Client"}"#, Some(Role::Client)),
            (r#"{"roles":["use","admin","other"]}"#, Some(Role::Administrator)),
            (r#"{"roles":["Remote Client",5,null]}"#, Some(Role::Client)),
            (r#"{"roles":["use admin"]}"#, None),
            (r#"{"roles":["Admin"]}"#, None),
            (r#"{"roles":[]}"#, None),
            (r#"{"roles":{"admin":true}}"#, None),
            (r#"{"roles":true}"#, None),
            (r#"{"other":"admin"}"#, None),
        ] {
            assert_eq!(role(claims, "roles"), expected, "{claims}");
        }
    }

    #[test]
    fn a_claim_may_be_nested_or_have_dots_in_its_name() {
        assert_eq!(role(r#"{"realm_access":{"roles":["use"]}}"#, "realm_access.roles"), Some(Role::Client));
        let claims = r#"{"access":{"https://a.example/roles":["use"]}}"#;
        assert_eq!(role(claims, "access.https://a.example/roles"), Some(Role::Client));
        assert_eq!(role(r#"{"https://a.example/roles":"use"}"#, "https://a.example/roles"), Some(Role::Client));
        assert_eq!(role(r#"{"realm_access":"use"}"#, "realm_access.roles"), None);
    }
}
