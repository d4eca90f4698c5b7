//! Models that the portal offers: the generated engine at several levels of detail, and those of the operator.

use std::path::Path;

use super::ServerError;
use crate::portal::{OfferedModel, OfferedModels};

/// Triangles of the offered engines. The last number is that of the original service's demonstration model.
const ENGINE_TRIANGLES: [u64; 5] = [50_000, 200_000, 1_000_000, 5_000_000, 18_700_000];

/// Models for the portal and for hosts.
#[derive(Debug)]
pub(super) struct Models {
    pub offered: OfferedModels,
    /// Absolute paths of the files among them.
    pub files: Vec<String>,
    /// Addresses of the operator's models that are fetched.
    pub addresses: Vec<String>,
}

impl Models {
    pub(crate) fn new(given: &[String], engine_triangles: u64) -> Result<Self, ServerError> {
        let (mut offered, mut files, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for model in given {
            let is_fetched = model.starts_with("http://") || model.starts_with("https://");
            if is_fetched || model.starts_with("builtin://") {
                addresses.extend(is_fetched.then(|| model.clone()));
                offered.push(OfferedModel { uri: model.clone(), label: label(model), triangles: None });
            } else {
                let file = file(model)?;
                offered.push(OfferedModel { uri: file_uri(&file), label: label(&file), triangles: None });
                files.push(file);
            }
        }
        let default_model = offered.first().map_or_else(|| engine(engine_triangles), |first| first.uri.clone());
        let mut engines = ENGINE_TRIANGLES.to_vec();
        if !engines.contains(&engine_triangles) {
            engines.push(engine_triangles);
            engines.sort_unstable();
        }
        offered.extend(engines.into_iter().map(|triangles| OfferedModel {
            uri: engine(triangles),
            label: format!("Engine, {} triangles", in_words(triangles)),
            triangles: Some(triangles),
        }));
        let offered = OfferedModels { default_model, models: offered };
        Ok(Self { offered, files, addresses })
    }
}

fn engine(triangles: u64) -> String {
    format!("builtin://Engine?triangles={triangles}")
}

fn in_words(triangles: u64) -> String {
    match triangles {
        0..1_000_000 => format!("{} thousand", triangles / 1_000),
        _ if triangles.is_multiple_of(1_000_000) => format!("{} million", triangles / 1_000_000),
        _ => format!("{:.1} million", triangles as f64 / 1e6),
    }
}

fn file(model: &str) -> Result<String, ServerError> {
    let problem = |problem: String| ServerError::Model { model: model.to_owned(), problem };
    let path = Path::new(model).canonicalize().map_err(|error| problem(format!("{error}; name a model file")))?;
    if !path.is_file() {
        return Err(problem("it is not a file; name a model file".into()));
    }
    path.into_os_string().into_string().map_err(|_| problem("its path is not UTF-8; rename it".into()))
}

/// Returns the URI of a file (RFC 8089), with all characters encoded that have a meaning in a URI.
fn file_uri(path: &str) -> String {
    let mut uri = String::from("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

fn label(model: &str) -> String {
    let name = model.rsplit('/').next().filter(|name| !name.is_empty());
    name.unwrap_or(model).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_choice_the_engine_is_shown() {
        let models = Models::new(&[], 300_000).unwrap();
        assert_eq!(models.offered.default_model, "builtin://Engine?triangles=300000");
        assert!(models.offered.models.iter().any(|model| model.label == "Engine, 300 thousand triangles"));
        assert!(models.offered.models.iter().any(|model| model.label == "Engine, 18.7 million triangles"));
        assert!(models.offered.models.iter().any(|model| model.uri == models.offered.default_model));
        assert!(models.offered.models.iter().any(|model| model.triangles == Some(18_700_000)));
        assert!(models.files.is_empty() && models.addresses.is_empty());
    }

    #[test]
    fn models_of_the_operator_come_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a model #1.glb");
        std::fs::write(&path, "").unwrap();
        let given = [path.to_str().unwrap().to_owned(), "https://example.com/b.glb".to_owned()];
        let models = Models::new(&given, 200_000).unwrap();
        assert!(models.offered.default_model.ends_with("/a%20model%20%231.glb"), "{}", models.offered.default_model);
        assert!(models.offered.default_model.starts_with("file:///"), "{}", models.offered.default_model);
        assert_eq!(models.files, [path.canonicalize().unwrap().to_str().unwrap()]);
        assert_eq!(models.addresses, ["https://example.com/b.glb"]);
        let labels: Vec<&str> = models.offered.models.iter().take(2).map(|model| model.label.as_str()).collect();
        assert_eq!(labels, ["a model #1.glb", "b.glb"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Models::new(&["/nowhere/x.glb".to_owned()], 200_000).unwrap_err().to_string();
        assert!(error.starts_with("--model /nowhere/x.glb: "), "{error}");
        assert!(Models::new(&["/".to_owned()], 200_000).is_err());
    }
}
