//! JSON as the original v1 accepted it: also with single quotes and bare names, as in the documented
//! `{ 'maxLeaseTime': '4:0:0' }`.
//!
//! The parser recurses with every bracket, so the number of brackets is checked before parsing.

use serde_json::{Map, Value};

/// Limit on the number of opening brackets: far more than a body of this API has, and far fewer than overflow the
/// stack.
pub(crate) const BRACKETS_MAX: usize = 256;

/// The properties of a JSON object. Names are found in any case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Properties(Map<String, Value>);

/// Why a body is not an object. The texts continue a sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnObject {
    /// Invalid UTF-8.
    #[error("this one is not UTF-8")]
    Encoding,
    /// More than [`BRACKETS_MAX`] opening brackets.
    #[error("this one has more than {BRACKETS_MAX} brackets")]
    Brackets,
    /// Neither JSON nor its lenient form.
    #[error("this one cannot be read: {0}")]
    Syntax(#[from] json5::Error),
    /// A value of another type.
    #[error("this one is something else")]
    OtherType,
}

impl Properties {
    /// Parses an object from the bytes of a body.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotAnObject::Encoding)?;
        if text.bytes().filter(|byte| b"[{".contains(byte)).count() > BRACKETS_MAX {
            return Err(NotAnObject::Brackets);
        }
        match json5::from_str(text.trim_start_matches('\u{feff}'))? {
            Value::Object(properties) => Ok(Self(properties)),
            _ => Err(NotAnObject::OtherType),
        }
    }

    /// Returns the value of a property. Returns `None` if it is null or missing.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documented_bodies_and_those_of_scripts_are_read_alike() {
        for text in [
            "{ 'maxLeaseTime': '4:0:0', 'models': [], 'size': 'standard' }",
            r#"{"maxLeaseTime":"4:0:0","models":[],"size":"standard"}"#,
            "{maxLeaseTime: '4:0:0', models: [], size: \"standard\",}",
            "\u{feff}{'MAXLEASETIME':'4:0:0','Models':[],'siZe':'standard'} // so long",
        ] {
            let properties = Properties::parse(text.as_bytes()).unwrap();
            let read = ["maxLeaseTime", "models", "size"].map(|name| properties.get(name).cloned().unwrap());
            assert_eq!(serde_json::json!(read), serde_json::json!(["4:0:0", [], "standard"]), "{text}");
        }
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for bytes in [&b""[..], b"4", b"[]", b"'x'", b"{", b"{'a':}", b"{'a' 'b'}", b"{} {}", b"{'a':'\xff'}", b"null"]
        {
            assert!(Properties::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    /// Uses a stack of an eighth of the size of those that handle requests.
    #[test]
    fn nesting_cannot_overflow_the_stack() {
        let parse_all = || {
            for (open, close) in [("[", "]"), ("{a:", "}")] {
                let nested = |depth: usize| format!("{{x:{}1{}}}", open.repeat(depth), close.repeat(depth));
                assert!(Properties::parse(nested(BRACKETS_MAX - 1).as_bytes()).is_ok());
                assert!(matches!(Properties::parse(nested(BRACKETS_MAX).as_bytes()), Err(NotAnObject::Brackets)));
            }
        };
        std::thread::Builder::new().stack_size(256 * 1_024).spawn(parse_all).unwrap().join().unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes: Vec<u8>, text in r#"[{}\[\]:,'"a-z0-9\\/* ]{0,80}"#) {
            for input in [bytes.as_slice(), text.as_bytes()] {
                if let Ok(properties) = Properties::parse(input) {
                    let _ = properties.get("size");
                }
            }
        }
    }
}
