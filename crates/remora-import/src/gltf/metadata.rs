//! Names, and the application-specific data of nodes: `extras`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use remora_model::MetadataValue;

/// Limit of the characters of a name; the rest is cut off.
const NAME_CHARACTERS_MAX: usize = 1024;

/// Limit of the bytes of a metadata name or text; a mark replaces the rest.
const TEXT_BYTES_MAX: usize = 64 << 10;
const CUT_MARK: char = '…';

/// Returns the name in the file, or another one.
pub(super) fn name(given: Option<&str>, otherwise: impl FnOnce() -> String) -> String {
    match given {
        Some(name) => match name.char_indices().nth(NAME_CHARACTERS_MAX) {
            Some((end, _)) => name[..end].to_owned(),
            None => name.to_owned(),
        },
        None => otherwise(),
    }
}

/// Returns the members of `extras`, if it is an object. Null members are left out; lists and objects become JSON texts.
pub(super) fn read(extras: Option<&RawValue>) -> Vec<(String, MetadataValue)> {
    let Some(extras) = extras.map(RawValue::get).filter(|text| text.starts_with('{')) else { return Vec::new() };
    // It was parsed as a part of the file. Only an incomplete surrogate pair in a name can fail here.
    let Ok(Members(members)) = serde_json::from_str(extras) else { return Vec::new() };
    members.into_iter().filter_map(|(name, text)| Some((cut(name), value(text.get())?))).collect()
}

fn value(text: &str) -> Option<MetadataValue> {
    match text.as_bytes().first()? {
        b'n' => None,
        b't' => Some(MetadataValue::Bool(true)),
        b'f' => Some(MetadataValue::Bool(false)),
        b'"' => Some(MetadataValue::Text(cut(serde_json::from_str(text).ok()?))),
        b'{' | b'[' => Some(MetadataValue::Text(cut(text.to_owned()))),
        _ => Some(number(text)),
    }
}

fn number(text: &str) -> MetadataValue {
    let signed = text.parse().map(MetadataValue::Integer);
    let unsigned = signed.or_else(|_| text.parse().map(MetadataValue::Unsigned)).ok();
    let double = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(MetadataValue::Double);
    unsigned.or_else(double).unwrap_or_else(|| MetadataValue::Text(cut(text.to_owned())))
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - CUT_MARK.len_utf8()));
        text.push(CUT_MARK);
        text.shrink_to_fit();
    }
    text
}

/// The members of an object, in the order of the file.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
