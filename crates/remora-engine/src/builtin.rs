//! Addresses of models that are made by code: `builtin://Engine?triangles=N`.

use super::EngineDetail;

/// The address of the engine with its default detail.
pub const BUILTIN_ENGINE: &str = "builtin://Engine";

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Engine(EngineDetail),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    #[error("{address:?} is not the address of a built-in model: it begins with builtin://; there is {BUILTIN_ENGINE}")]
    Scheme { address: String },
    #[error("there is no built-in model {name:?}; there is {BUILTIN_ENGINE}")]
    Name { name: String },
    #[error(
        "{BUILTIN_ENGINE} has no parameter {parameter:?}; it has triangles, as in {BUILTIN_ENGINE}?triangles=200000"
    )]
    Parameter { parameter: String },
    #[error(
        "{BUILTIN_ENGINE} cannot have {value:?} triangles; it can have {} to {}",
        EngineDetail::TRIANGLES_MIN,
        EngineDetail::TRIANGLES_MAX
    )]
    Triangles { value: String },
}

/// Reads an address such as `builtin://Engine` or `builtin://Engine?triangles=2000000`; scheme and name in any case.
pub fn parse_builtin(address: &str) -> Result<Builtin, BuiltinError> {
    const SCHEME: &str = "builtin://";
    let rest = match address.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => &address[SCHEME.len()..],
        _ => return Err(BuiltinError::Scheme { address: shortened(address) }),
    };
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !name.trim_end_matches('/').eq_ignore_ascii_case("engine") {
        return Err(BuiltinError::Name { name: shortened(name) });
    }
    let mut detail = EngineDetail::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (parameter, value) = pair.split_once('=').unwrap_or((pair, ""));
        if parameter != "triangles" {
            return Err(BuiltinError::Parameter { parameter: shortened(parameter) });
        }
        let allowed = EngineDetail::TRIANGLES_MIN..=EngineDetail::TRIANGLES_MAX;
        match value.parse::<u64>() {
            Ok(triangles) if allowed.contains(&triangles) => detail.triangles = triangles,
            _ => return Err(BuiltinError::Triangles { value: shortened(value) }),
        }
    }
    Ok(Builtin::Engine(detail))
}

/// Enough of a stranger's text to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangles(address: &str) -> Result<u64, BuiltinError> {
        parse_builtin(address).map(|Builtin::Engine(detail)| detail.triangles)
    }

    #[test]
    fn an_address_names_the_engine_and_its_detail() {
        assert_eq!(triangles("builtin://Engine"), Ok(200_000));
        assert_eq!(triangles("BUILTIN://engine/"), Ok(200_000));
        assert_eq!(triangles("builtin://Engine?triangles=50000"), Ok(50_000));
        assert_eq!(triangles("builtin://Engine?triangles=18700000"), Ok(18_700_000));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let text = |address: &str| triangles(address).unwrap_err().to_string();
        assert!(text("https://example.org/a.glb").contains("builtin://Engine"));
        assert!(text("").contains("builtin://Engine"));
        assert!(text("builtin://Rocket").contains("\"Rocket\"; there is builtin://Engine"));
        assert!(text("builtin://Engine?detail=3").contains("it has triangles"));
        for value in ["49999", "18700001", "-1", "many", "", "99999999999999999999999"] {
            let text = text(&format!("builtin://Engine?triangles={value}"));
            assert!(text.contains("50000 to 18700000"), "{text}");
        }
    }
}
