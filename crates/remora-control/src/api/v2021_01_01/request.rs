//! Bodies of requests. Unknown properties are ignored. Known ones are checked one by one, so that the response can name
//! the invalid one.

use axum::body::Body;
use remora_session::{LeaseMinutes, Size};
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::api::common::{BODY_BYTES_MAX, read_body};

const LEASE: &str = "maxLeaseTimeMinutes";
const SIZE: &str = "size";

/// Body of a create.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Create {
    pub lease: LeaseMinutes,
    pub size: Size,
}

/// Body of an extend.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub lease: LeaseMinutes,
}

/// An invalid property of a body. The caller decides about the status.
struct InvalidProperty {
    message: String,
    target: &'static str,
    accepted: Option<String>,
}

impl Create {
    pub(super) async fn read(body: Body) -> Result<Self, Fault> {
        let bytes = read_body(body).await.ok_or(Fault::TooLarge { bytes_max: BODY_BYTES_MAX })?;
        let read = || {
            let properties = object(&bytes)?;
            Ok(Self { lease: lease(&properties)?, size: size(&properties)? })
        };
        read().map_err(|InvalidProperty { message, target, accepted }| Fault::BadRequest {
            message,
            target: target.into(),
            accepted,
        })
    }
}

impl Update {
    /// Reads the body. An invalid one is answered with 422, whereas a create answers 400.
    pub(super) async fn read(body: Body) -> Result<Self, Fault> {
        let bytes = read_body(body).await.ok_or(Fault::TooLarge { bytes_max: BODY_BYTES_MAX })?;
        let read = || Ok(Self { lease: lease(&object(&bytes)?)? });
        read().map_err(|InvalidProperty { message, target, accepted }| Fault::Unprocessable {
            message,
            target: target.into(),
            accepted,
        })
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, InvalidProperty> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(properties)) => Ok(properties),
        Ok(_) => Err(InvalidProperty {
            message: "The request was malformed.".into(),
            target: "body",
            accepted: Some("The body is a JSON object.".into()),
        }),
        Err(error) => Err(InvalidProperty {
            message: "The request was malformed.".into(),
            target: "body",
            accepted: Some(format!("The body is a JSON object; this one is not JSON: {error}.")),
        }),
    }
}

fn lease(properties: &Map<String, Value>) -> Result<LeaseMinutes, InvalidProperty> {
    let accepted = || Some(format!("{LEASE} takes whole minutes from 0 to {}.", LeaseMinutes::MAX.get()));
    let invalid = |message: String| InvalidProperty { message, target: LEASE, accepted: accepted() };
    match properties.get(LEASE) {
        None | Some(Value::Null) => Err(invalid(format!("The {LEASE} property is required."))),
        Some(Value::Number(number)) => {
            let minutes = whole(number).ok_or_else(|| invalid(format!("The {LEASE} value is not a whole number.")))?;
            if minutes < 0 {
                return Err(invalid(format!("The {LEASE} value cannot be negative.")));
            }
            let too_large = || invalid(format!("The {LEASE} value cannot be larger than {}.", LeaseMinutes::MAX.get()));
            LeaseMinutes::try_from(minutes).map_err(|_| too_large())
        }
        Some(_) => Err(invalid(format!("The {LEASE} value is not a number."))),
    }
}

/// Converts to a whole number. PowerShell writes `240.0` for 240.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        // Larger values saturate, so they stay too large.
        (value.fract() == 0.0).then_some(value as i64)
    })
}

fn size(properties: &Map<String, Value>) -> Result<Size, InvalidProperty> {
    let accepted = || {
        let sizes: Vec<&str> = Size::ALL.into_iter().map(Size::as_str).collect();
        Some(format!("{SIZE} takes {}, in any case.", sizes.join(" or ")))
    };
    let invalid = |message: String| InvalidProperty { message, target: SIZE, accepted: accepted() };
    match properties.get(SIZE) {
        None | Some(Value::Null) => Err(invalid(format!("The {SIZE} property is required."))),
        Some(Value::String(name)) => name.parse().map_err(|_| {
            let shown: String = name.chars().take(64).collect();
            invalid(format!("Can't specify this VM size: {shown}"))
        }),
        Some(_) => Err(invalid(format!("The {SIZE} value is not a string."))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minutes(text: &str) -> Result<u16, String> {
        let body = format!(r#"{{"maxLeaseTimeMinutes":{text}}}"#);
        let properties = object(body.as_bytes()).map_err(|invalid| invalid.message)?;
        lease(&properties).map(LeaseMinutes::get).map_err(|invalid| invalid.message)
    }

    #[test]
    fn whole_minutes_are_accepted_in_every_notation() {
        for (text, expected) in [("0", 0), ("240", 240), ("240.0", 240), ("2.4e2", 240), ("1440", 1_440), ("-0.0", 0)] {
            assert_eq!(minutes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_error_names_what_is_wrong() {
        for (text, expected) in [
            ("-1", "cannot be negative"),
            ("-1e300", "cannot be negative"),
            ("1441", "cannot be larger than 1440"),
            ("18446744073709551615", "cannot be larger than 1440"),
            ("1e300", "cannot be larger than 1440"),
            ("240.5", "not a whole number"),
            (r#""240""#, "not a number"),
            ("true", "not a number"),
            ("null", "required"),
            ("1e999", "malformed"),
        ] {
            let message = minutes(text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_parsed_without_panic(bytes: Vec<u8>) {
            if let Ok(properties) = object(&bytes) {
                let _ = (lease(&properties), size(&properties));
            }
        }
    }
}
