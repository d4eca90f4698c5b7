//! Checks responses against the OpenAPI documents: statuses, headers and bodies. Every response of a scenario is
//! checked.
//!
//! Supports the part of JSON Schema that the documents use, and panics on anything else.

use std::sync::LazyLock;

use remora_control::OPENAPI_DOCUMENTS;
use serde_json::Value;

use super::http::Answer;

static CONTRACTS: LazyLock<Vec<Contract>> = LazyLock::new(|| {
    let parse = |text| serde_json::from_str(text).expect("documents are JSON");
    OPENAPI_DOCUMENTS.iter().map(|(name, text)| Contract { name, document: parse(text) }).collect()
});

pub(crate) struct Contract {
    pub name: &'static str,
    pub document: Value,
}

pub(crate) fn contracts() -> &'static [Contract] {
    &CONTRACTS
}

/// Panics if the response is not one that a document has for the request. Ignores paths that are in no document.
pub(crate) fn check(method: &str, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap_or_default();
    for contract in contracts() {
        if let Some(operation) = contract.operation(method, path) {
            contract.check(operation, answer).unwrap_or_else(|flaw| {
                panic!("{}: {method} {target}: {flaw}: {answer:?}", contract.name);
            });
        }
    }
}

impl Contract {
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.document["paths"].as_object().expect("a document has paths").iter()
    }

    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.document["components"]["schemas"][name]
    }

    /// Returns the operation, or null if the path has only other operations. Paths of v1 may end with a slash, and ids
    /// of its sessions may equal words in other paths.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = if path.starts_with("/v1/") { path.strip_suffix('/').unwrap_or(path) } else { path };
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
        let matching = self.paths().filter(|(template, _)| matches(template, path));
        let operations = matching.map(|(template, operations)| (template, &operations[&method]));
        let literals = |template: &str| template.split('/').filter(|segment| !segment.starts_with('{')).count();
        let best = operations.max_by_key(|(template, operation)| (!operation.is_null(), literals(template)));
        best.map(|(_, operation)| operation)
    }

    fn check(&self, operation: &Value, answer: &Answer) -> Result<(), String> {
        if operation.is_null() {
            let refused = [401, 403, 404, 405].contains(&answer.status);
            return if refused { Ok(()) } else { Err("the operation is not in the document".into()) };
        }
        let response = &operation["responses"][answer.status.to_string()];
        if response.is_null() {
            return Err("the status is not in the document".into());
        }
        let response = self.resolve(response);
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            match answer.header(name) {
                Some(value) if header["schema"]["type"] == "string" => {
                    self.validate(&header["schema"], &Value::from(value)).map_err(|flaw| format!("{name}: {flaw}"))?;
                }
                None if header["required"] == true => return Err(format!("there is no {name}")),
                _ => {}
            }
        }
        let schema = &response["content"]["application/json"]["schema"];
        // Errors have a body that says what is wrong, unless the status says everything.
        let may_be_empty = schema.is_null() || [401, 403, 429].contains(&answer.status);
        match (answer.body.is_empty(), schema.is_null()) {
            (true, _) if may_be_empty => Ok(()),
            (true, _) => Err("there is no body".into()),
            (false, true) => Err("there is a body".into()),
            (false, false) => self.validate(schema, &answer.json()),
        }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else {
            return value;
        };
        let pointer = reference.strip_prefix('#').expect("references stay within a document");
        self.document.pointer(pointer).unwrap_or_else(|| panic!("{}: nothing is at {reference}", self.name))
    }

    pub(crate) fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        if value.is_null() && schema["nullable"] == true {
            return Ok(());
        }
        for (keyword, expected) in schema.as_object().expect("a schema is an object") {
            let holds = match keyword.as_str() {
                "type" => is_of_type(value, expected.as_str().unwrap_or_default()),
                "enum" => expected.as_array().is_some_and(|known| known.contains(value)),
                "minimum" => value.as_f64() >= expected.as_f64(),
                "maximum" => value.as_f64() <= expected.as_f64(),
                "maxItems" => value.as_array().is_some_and(|items| items.len() as u64 <= expected.as_u64().unwrap()),
                "required" => {
                    expected.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
                }
                "additionalProperties" => {
                    let known = |name: &String| schema["properties"].get(name).is_some();
                    expected != false || value.as_object().is_some_and(|object| object.keys().all(known))
                }
                "properties" => {
                    for (name, schema) in expected.as_object().unwrap() {
                        let property = value.get(name).map_or(Ok(()), |value| self.validate(schema, value));
                        property.map_err(|flaw| format!("{name}: {flaw}"))?;
                    }
                    true
                }
                "items" => {
                    value.as_array().into_iter().flatten().try_for_each(|item| self.validate(expected, item))?;
                    true
                }
                // Other tests check texts of these forms.
                "description" | "example" | "nullable" | "format" | "pattern" | "minLength" | "maxLength" => true,
                _ => panic!("{}: the keyword {keyword} is not understood", self.name),
            };
            if !holds {
                return Err(format!("{value} is not {keyword} {expected}"));
            }
        }
        Ok(())
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (known, found) = (template.split('/'), path.split('/'));
    known.clone().count() == found.clone().count()
        && known.zip(found).all(|(known, found)| known == found || known.starts_with('{') && !found.is_empty())
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => panic!("the type {name} is not understood"),
    }
}
