//! Where modules lie, and how often a type name may occur.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{files, root};

/// The arguments of a subcommand have one name in every module of `crates/remora`.
const REPEATED: &[&str] = &["Arguments"];
/// A reader can tell two types of one name apart by their modules, but not more.
const MODULES_MAX: usize = 2;

/// Crates in which some type names still occur too often. The list only shrinks.
const NOT_YET_DISTINCT: &[&str] = &[];

#[test]
fn a_module_with_parts_is_a_folder_with_a_mod_rs() {
    for source in files("crates", &["rs"]) {
        let folder = root().join(source.path.trim_end_matches(".rs"));
        let has_parts = folder.is_dir() && !folder.join("main.rs").is_file();
        assert!(!has_parts, "{} belongs into its folder, as mod.rs", source.path);
    }
}

#[test]
fn a_type_name_occurs_in_at_most_two_modules_of_a_crate() {
    let mut modules: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for source in files("crates", &["rs"]) {
        if source.is_test() || !source.path.contains("/src/") {
            continue;
        }
        for name in source.program().lines().filter_map(defined_type).filter(|name| !REPEATED.contains(name)) {
            let key = (source.crate_name().to_owned(), name.to_owned());
            modules.entry(key).or_default().insert(source.path.clone());
        }
    }
    let repeated: Vec<String> = modules
        .into_iter()
        .filter(|((name, _), paths)| paths.len() > MODULES_MAX && !NOT_YET_DISTINCT.contains(&name.as_str()))
        .map(|((name, defined), paths)| format!("{name}: {defined} in {paths:?}"))
        .collect();
    assert!(repeated.is_empty(), "give these types distinct names:\n{}", repeated.join("\n"));
}

/// Returns the name of the type that a line defines. Type aliases inside of an `impl` or a trait are indented and do
/// not count.
fn defined_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let visibility_end = if code.starts_with("pub(") { code.find(") ").map(|end| end + 2) } else { None };
    let code = visibility_end.map_or_else(|| code.strip_prefix("pub ").unwrap_or(code), |end| &code[end..]);
    let code = code.strip_prefix("unsafe ").unwrap_or(code);
    let rest = ["struct ", "enum ", "union ", "trait "].iter().find_map(|keyword| code.strip_prefix(keyword));
    let alias = || code.strip_prefix("type ").filter(|_| !line.starts_with(' '));
    let name = rest.or_else(alias)?.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
    name.starts_with(char::is_uppercase).then_some(name)
}
