//! Addresses of procedural models: `builtin://Engine?triangles=N`.

use super::EngineDetail;

/// The address of the engine with its default detail.
pub const BUILTIN_ENGINE: &str = "builtin://Engine";

/// The model that an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// The engine.
    Engine(EngineDetail),
}

/// The reason why an address names no built-in model. Texts from outside are shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    /// The address does not begin with `builtin://`.
    #[error("{address:?} is not the address of a built-in model, such as {BUILTIN_ENGINE}")]
    Scheme {
        /// The address, shortened.
        address: String,
    },
    /// No built-in model has this name.
    #[error("there is no built-in model {name:?}; there is {BUILTIN_ENGINE}")]
    Name {
        /// The name in the address, shortened.
        name: String,
    },
    /// The engine has no parameter of this name.
    #[error(
        "{BUILTIN_ENGINE} has no parameter {parameter:?}; it has triangles, as in {BUILTIN_ENGINE}?triangles=200000"
    )]
    Parameter {
        /// The parameter, shortened.
        parameter: String,
    },
    /// The number of triangles is not one in the permitted range.
    #[error(
        "{BUILTIN_ENGINE} cannot have {value:?} triangles; it can have {} to {}",
        EngineDetail::TRIANGLES_MIN,
        EngineDetail::TRIANGLES_MAX
    )]
    Triangles {
        /// The value, shortened.
        value: String,
    },
}

/// Parses an address such as `builtin://Engine` or `builtin://Engine?triangles=2000000`. Scheme and name ignore case.
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

/// Shortens a text from outside so that it can still be recognised.
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
