//! Bodies as this generation took them: JSON, or what JavaScript would take for it, with single quotes and bare names,
//! as in the documented `{ 'maxLeaseTime': '4:0:0' }`.
//!
//! The parser recurses with every bracket, so their number is limited before it sees them.

use serde_json::{Map, Value};

/// Far more than any body of this API has, far fewer than a stack takes.
pub const BRACKETS_MAX: usize = 256;

/// The properties of one JSON object; names are found in any case.
#[derive(Clone, Debug, PartialEq)]
pub struct Properties(Map<String, Value>);

#[derive(Debug, thiserror::Error)]
pub enum NotAnObject {
    #[error("this one is not UTF-8")]
    Encoding,
    #[error("this one has more than {BRACKETS_MAX} brackets")]
    Brackets,
    #[error("this one cannot be read: {0}")]
    Syntax(#[from] json5::Error),
    #[error("this one is something else")]
    OtherType,
}

impl Properties {
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotAnObject::Encoding)?;
        if text.bytes().filter(|byte| b"[{".contains(byte)).count() > BRACKETS_MAX {
            return Err(NotAnObject::Brackets);
        }
        match json5::from_str(text.trim_start_matches('\u{feff}'))? {
            Value::Object(properties) => Ok(Self(properties)),
            _ => Err(NotAnObject::OtherType),
        }
    }

    /// `None` for null, too.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_documents_and_the_scripts_sent_is_read_alike() {
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
    fn what_is_no_object_is_refused() {
        for bytes in [&b""[..], b"4", b"[]", b"'x'", b"{", b"{'a':}", b"{'a' 'b'}", b"{} {}", b"{'a':'\xff'}", b"null"]
        {
            assert!(Properties::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    /// On a stack an eighth the size of the one that requests are answered on.
    #[test]
    fn nothing_nests_deep_enough_to_overflow_a_stack() {
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
        fn no_bytes_can_do_harm(bytes: Vec<u8>, text in r#"[{}\[\]:,'"a-z0-9\\/* ]{0,80}"#) {
            for input in [bytes.as_slice(), text.as_bytes()] {
                if let Ok(properties) = Properties::parse(input) {
                    let _ = properties.get("size");
                }
            }
        }
    }
}
