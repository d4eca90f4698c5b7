//! Bodies of requests. Unknown properties are ignored. Known ones are checked one by one, so that the response can name
//! the invalid one.

use axum::body::Body;
use remora_session::{LeaseMinutes, Size};
use serde_json::Value;

use super::fault::Fault;
use super::lenient_json::Properties;
use super::time_span::TimeSpan;
use crate::api::common::{BODY_BYTES_MAX, read_body};

const LEASE: &str = "maxLeaseTime";
const SIZE: &str = "size";
const MODELS: &str = "models";
const MODELS_MAX: usize = 64;
const MODEL_LENGTH_MAX: usize = 2_048;

/// Body of a create.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Create {
    pub lease: LeaseMinutes,
    pub size: Size,
    pub models: Vec<String>,
}

/// Body of an extend.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub lease: LeaseMinutes,
}

impl Create {
    pub(super) async fn read(body: Body) -> Result<Self, Fault> {
        let properties = properties(body).await?;
        Self::of(&properties).map_err(Fault::BadRequest)
    }

    fn of(properties: &Properties) -> Result<Self, String> {
        let span = time_span(properties)?;
        Ok(Self { lease: lease(span)?, size: size(properties)?, models: models(properties)? })
    }
}

impl Update {
    /// Reads the body. In this call an impossible lease is answered with 422, like one that is not longer.
    pub(super) async fn read(body: Body) -> Result<Self, Fault> {
        let properties = properties(body).await?;
        let span = time_span(&properties).map_err(Fault::BadRequest)?;
        Ok(Self { lease: lease(span).map_err(Fault::Unprocessable)? })
    }
}

async fn properties(body: Body) -> Result<Properties, Fault> {
    let bytes = read_body(body).await.ok_or(Fault::TooLarge { bytes_max: BODY_BYTES_MAX })?;
    Properties::parse(&bytes).map_err(|why| Fault::BadRequest(format!("The body must be a JSON object; {why}.")))
}

fn time_span(properties: &Properties) -> Result<TimeSpan, String> {
    let accepted = "It takes a time span like '4:0:0' for four hours.";
    match properties.get(LEASE) {
        None => Err(format!("The {LEASE} property is required. {accepted}")),
        Some(Value::String(text)) => {
            text.parse().map_err(|why| format!("The {LEASE} value '{}' is not valid: {why}. {accepted}", shown(text)))
        }
        Some(_) => Err(format!("The {LEASE} value is not a string. {accepted}")),
    }
}

/// Converts to a lease. Leases have whole minutes, so a part of a minute is rounded up.
fn lease(span: TimeSpan) -> Result<LeaseMinutes, String> {
    if span.is_negative() {
        return Err(format!("The {LEASE} value cannot be negative."));
    }
    LeaseMinutes::try_from(span.whole_minutes()).map_err(|_| {
        format!("The {LEASE} value {span} is too long. It takes at most {}, a day.", TimeSpan::from(LeaseMinutes::MAX))
    })
}

/// Reads the size. The first documents of the API called the sizes `small` and `big`.
fn size(properties: &Properties) -> Result<Size, String> {
    let accepted = "It takes standard or small, premium or big, in any case.";
    match properties.get(SIZE) {
        None => Err(format!("The {SIZE} property is required. {accepted}")),
        Some(Value::String(name)) => match name.to_ascii_lowercase().as_str() {
            "standard" | "small" => Ok(Size::Standard),
            "premium" | "big" => Ok(Size::Premium),
            _ => Err(format!("The {SIZE} value '{}' is not a size. {accepted}", shown(name))),
        },
        Some(_) => Err(format!("The {SIZE} value is not a string. {accepted}")),
    }
}

fn models(properties: &Properties) -> Result<Vec<String>, String> {
    let accepted = format!(
        "It takes up to {MODELS_MAX} addresses of models, each of 1 to {MODEL_LENGTH_MAX} characters without control \
         characters."
    );
    let models = match properties.get(MODELS) {
        None => return Ok(Vec::new()),
        Some(Value::Array(models)) if models.len() <= MODELS_MAX => models,
        Some(Value::Array(models)) => {
            return Err(format!("The {MODELS} property has {} entries. {accepted}", models.len()));
        }
        Some(_) => return Err(format!("The {MODELS} property is not an array. {accepted}")),
    };
    let model = |(index, model): (usize, &Value)| {
        let text = model.as_str().filter(|text| {
            (1..=MODEL_LENGTH_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        });
        text.map(str::to_owned).ok_or_else(|| format!("The entry {index} of {MODELS} is not an address. {accepted}"))
    };
    models.iter().enumerate().map(model).collect()
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(text: &str) -> Result<Create, String> {
        Create::of(&Properties::parse(text.as_bytes()).expect("a JSON object"))
    }

    #[test]
    fn each_size_has_two_names_in_any_case() {
        for (name, size) in [
            ("small", Size::Standard),
            ("Standard", Size::Standard),
            ("BIG", Size::Premium),
            ("premium", Size::Premium),
        ] {
            assert_eq!(create(&format!("{{maxLeaseTime:'1:0',size:'{name}'}}")).unwrap().size, size, "{name}");
        }
    }

    #[test]
    fn leases_are_never_shorter_than_requested() {
        for (text, minutes) in [("0", 0), ("0:0:1", 1), ("4:0:0", 240), ("4:0:0.5", 241), ("1.0:0", 1_440)] {
            let lease = create(&format!("{{maxLeaseTime:'{text}',size:'small'}}")).unwrap().lease;
            assert_eq!(lease.get(), minutes, "{text}");
        }
    }

    #[test]
    fn models_are_kept_and_bounded() {
        let with = |models: &str| create(&format!("{{maxLeaseTime:'1:0',size:'small',models:{models}}}"));
        assert_eq!(with("['https://a/b.glb']").unwrap().models, ["https://a/b.glb"]);
        assert_eq!(with("null").unwrap().models, Vec::<String>::new());
        assert_eq!(with(&format!("[{}]", "'a',".repeat(MODELS_MAX))).unwrap().models.len(), MODELS_MAX);
        assert_eq!(with(&format!("['{}']", "a".repeat(MODEL_LENGTH_MAX))).unwrap().models.len(), 1);
        for (models, named) in [
            (format!("[{}]", "'a',".repeat(MODELS_MAX + 1)), "65 entries"),
            (format!("['a','{}']", "a".repeat(MODEL_LENGTH_MAX + 1)), "entry 1"),
            ("['a','']".into(), "entry 1"),
            (r"['https://a/b.glb\n']".into(), "entry 0"),
            (r"['a','\u0000']".into(), "entry 1"),
            (r"['\u009b2J']".into(), "entry 0"),
            ("[7]".into(), "entry 0"),
            ("'a'".into(), "not an array"),
        ] {
            let error = with(&models).unwrap_err();
            assert!(error.contains(named) && error.contains("up to 64 addresses"), "{error}");
        }
    }

    #[test]
    fn the_invalid_property_is_named() {
        for (text, named) in [
            ("{size:'small'}", "maxLeaseTime property is required"),
            ("{maxLeaseTime:null,size:'small'}", "maxLeaseTime property is required"),
            ("{maxLeaseTime:240,size:'small'}", "maxLeaseTime value is not a string"),
            ("{maxLeaseTime:'4h',size:'small'}", "maxLeaseTime value '4h' is not valid"),
            ("{maxLeaseTime:'-4:0:0',size:'small'}", "maxLeaseTime value cannot be negative"),
            ("{maxLeaseTime:'-0:0:1',size:'small'}", "maxLeaseTime value cannot be negative"),
            ("{maxLeaseTime:'24:0:0',size:'small'}", "maxLeaseTime value 24.00:00:00 is too long"),
            ("{maxLeaseTime:'1.0:0:1',size:'small'}", "at most 1.00:00:00"),
            ("{maxLeaseTime:'4:0:0'}", "size property is required"),
            ("{maxLeaseTime:'4:0:0',size:'tiny'}", "size value 'tiny' is not a size"),
            ("{maxLeaseTime:'4:0:0',size:1}", "size value is not a string"),
        ] {
            let error = create(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
