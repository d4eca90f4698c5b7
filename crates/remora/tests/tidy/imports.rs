//! No circle of imports has more than two files, so that a file can be read without ten others.
//!
//! A path is followed through re-exports to the file that defines the name, so that a `mod.rs` that only gathers its
//! parts is not in a circle. A circle that consists of a `mod.rs` and files below it is permitted: parts may use what
//! their module defines. Parts must not form a circle among themselves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::sources::{Source, files};

/// Crates with larger circles. The list only shrinks.
const NOT_YET_UNTIED: &[&str] = &[];

/// Path of a module within its crate; empty for the root.
type Module = Vec<String>;
/// One name of a `use` declaration: the name that it binds, `*` for all, and the path that it stands for.
type Binding = (String, Vec<String>);

/// One crate's modules.
struct Modules {
    /// The path of each module's file.
    files: BTreeMap<Module, String>,
    /// The code of each module without comments and tests.
    code: BTreeMap<Module, String>,
    bindings: BTreeMap<Module, Vec<Binding>>,
}

#[test]
fn circles_of_imports_have_at_most_two_files() {
    let mut crates: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for source in files("crates", &["rs"]) {
        if source.path.contains("/src/") && !source.is_test() {
            crates.entry(source.crate_name().to_owned()).or_default().push(source);
        }
    }
    let mut circles = Vec::new();
    for (name, sources) in crates.iter().filter(|(name, _)| !NOT_YET_UNTIED.contains(&name.as_str())) {
        let modules = Modules::new(name, sources);
        let imports = modules.imports();
        let with_parts = large_circles(&imports).into_iter().filter(|circle| !is_module_with_parts(circle));
        let among_parts = large_circles(&without_ancestors(imports.clone()));
        circles.extend(with_parts.chain(among_parts).collect::<BTreeSet<_>>().into_iter().map(|circle| {
            let files: Vec<&str> = circle.iter().map(|module| modules.files[module].as_str()).collect();
            files.join(" -> ")
        }));
    }
    assert!(circles.is_empty(), "files import one another in circles:\n{}", circles.join("\n"));
}

impl Modules {
    fn new(name: &str, sources: &[Source]) -> Self {
        let mut modules = Self { files: BTreeMap::new(), code: BTreeMap::new(), bindings: BTreeMap::new() };
        for source in sources {
            let inner = source.path.strip_prefix(&format!("crates/{name}/src/")).expect("a source of the crate");
            let mut module: Module = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if ["mod", "lib", "main"].contains(&module[module.len() - 1].as_str()) {
                module.pop();
            }
            modules.files.insert(module.clone(), source.path.clone());
            modules.code.insert(module, without_comments(source.program()));
        }
        for (module, code) in &modules.code {
            let bindings = use_paths(code).into_iter().map(|(name, path)| (name, modules.absolute(module, path)));
            modules.bindings.insert(module.clone(), bindings.filter_map(|(name, path)| Some((name, path?))).collect());
        }
        modules
    }

    /// Returns the files that each file needs.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        self.code
            .iter()
            .map(|(module, code)| {
                let rest = without_uses(code);
                let used = self.bindings[module]
                    .iter()
                    .filter(|(name, _)| name == "*" || has_word(&rest, name))
                    .map(|(_, path)| path.clone());
                let inline = inline_paths(&rest).into_iter().filter_map(|path| self.absolute(module, path));
                let needed = used.chain(inline).map(|path| self.definition(&path, 0));
                (module.clone(), needed.filter(|needed| needed != module).collect())
            })
            .collect()
    }

    /// Resolves `crate`, `self`, `super` and the names of child modules; `None` for paths into other crates.
    fn absolute(&self, module: &Module, path: Vec<String>) -> Option<Vec<String>> {
        let mut absolute = module.clone();
        let mut rest = path.as_slice();
        match rest.first()?.as_str() {
            "crate" => (absolute, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    absolute.pop()?;
                    rest = &rest[1..];
                }
            }
            child => {
                absolute.push(child.to_owned());
                if !self.files.contains_key(&absolute) {
                    return None;
                }
                rest = &rest[1..];
            }
        }
        absolute.extend_from_slice(rest);
        Some(absolute)
    }

    /// Returns the module whose file defines what an absolute path names.
    fn definition(&self, path: &[String], depth: usize) -> Module {
        let module =
            (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|start| self.files.contains_key(start));
        let module = module.expect("the root is a module");
        // Re-exports of re-exports end; the depth only guards against a mistake in this reader.
        let (Some(name), true) = (path.get(module.len()), depth < 8) else { return module };
        let rest = &path[module.len() + 1..];
        for (bound, target) in &self.bindings[&module] {
            let target = if bound == name {
                target.clone()
            } else if bound == "*" && self.defines(target, name) {
                [target.as_slice(), std::slice::from_ref(name)].concat()
            } else {
                continue;
            };
            return self.definition(&[target.as_slice(), rest].concat(), depth + 1);
        }
        module
    }

    fn defines(&self, module: &[String], name: &str) -> bool {
        let keywords = ["struct", "enum", "trait", "type", "fn", "const", "static", "mod"];
        self.code.get(module).is_some_and(|code| keywords.iter().any(|word| has_word(code, &format!("{word} {name}"))))
            || self.bindings.get(module).is_some_and(|bindings| bindings.iter().any(|(bound, _)| bound == name))
    }
}

/// Returns whether one module of a circle, other than the root, contains all others.
fn is_module_with_parts(circle: &[Module]) -> bool {
    circle.iter().any(|module| !module.is_empty() && circle.iter().all(|other| other.starts_with(module)))
}

/// Removes the imports of parts from the modules that contain them, other than the root.
fn without_ancestors(mut imports: BTreeMap<Module, BTreeSet<Module>>) -> BTreeMap<Module, BTreeSet<Module>> {
    for (module, needed) in &mut imports {
        needed.retain(|other| other.is_empty() || !module.starts_with(other));
    }
    imports
}

/// Returns, for each import that closes a circle of three or more files, the shortest such circle.
fn large_circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Vec<Module>> {
    let mut circles = BTreeSet::new();
    for (from, needed) in imports {
        for to in needed {
            if let Some(way_back) = way(imports, to, from) {
                let mut circle = way_back;
                let first = (0..circle.len()).min_by_key(|&index| &circle[index]).expect("a circle has files");
                circle.rotate_left(first);
                circles.insert(circle);
            }
        }
    }
    circles
}

/// Returns the shortest way that does not lead straight from the first to the last.
fn way(imports: &BTreeMap<Module, BTreeSet<Module>>, first: &Module, last: &Module) -> Option<Vec<Module>> {
    let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut queue = VecDeque::from([first]);
    while let Some(module) = queue.pop_front() {
        for next in imports.get(module)? {
            let is_straight = module == first && next == last;
            if is_straight || next == first || before.contains_key(next) {
                continue;
            }
            before.insert(next, module);
            if next == last {
                let mut way = vec![last.clone()];
                let mut at = last;
                while let Some(previous) = before.get(at) {
                    way.push((*previous).clone());
                    at = previous;
                }
                way.reverse();
                return Some(way);
            }
            queue.push_back(next);
        }
    }
    None
}

fn without_comments(code: &str) -> String {
    code.lines()
        .map(|line| match line.find("//") {
            Some(start) if !line[..start].ends_with(':') => &line[..start],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the `use` declarations of a module as the names that they bind and their paths.
fn use_paths(code: &str) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for declaration in uses(code) {
        flatten(&declaration, &[], &mut bindings);
    }
    bindings
}

/// Returns the text between each `use` at the beginning of a line and its semicolon.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((start, end)) = next_use(rest) {
        let text = &rest[start..end];
        let path = text.split_once("use ").expect("the text begins with `use`").1;
        found.push(path.split_whitespace().collect::<Vec<_>>().join(" "));
        rest = &rest[end + 1..];
    }
    found
}

fn without_uses(code: &str) -> String {
    let mut without = String::new();
    let mut rest = code;
    while let Some((start, end)) = next_use(rest) {
        without.push_str(&rest[..start]);
        rest = &rest[end + 1..];
    }
    without + rest
}

/// Returns where the next `use` declaration starts, its visibility included, and where its semicolon is.
fn next_use(code: &str) -> Option<(usize, usize)> {
    let mut offset = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_start();
        let after_visibility =
            if text.starts_with("pub") { text.split_once("use ").map(|(head, _)| head) } else { None };
        let is_reexport =
            after_visibility.is_some_and(|head| head == "pub " || (head.starts_with("pub(") && head.ends_with(") ")));
        if text.starts_with("use ") || is_reexport {
            return Some((offset, offset + code[offset..].find(';')?));
        }
        offset += line.len();
    }
    None
}

/// Reads one tree of a `use` declaration, such as `a::{b, c::d as e}`.
fn flatten(tree: &str, prefix: &[String], bindings: &mut Vec<Binding>) {
    let tree = tree.trim();
    if let Some(inner) = tree.strip_prefix('{').and_then(|tree| tree.strip_suffix('}')) {
        for part in split_at_commas(inner) {
            flatten(part, prefix, bindings);
        }
    } else if let Some((segment, rest)) = tree.split_once("::") {
        flatten(rest, &[prefix, &[segment.trim().to_owned()]].concat(), bindings);
    } else if !tree.is_empty() {
        let (name, bound) = tree.split_once(" as ").unwrap_or((tree, tree));
        let mut path = prefix.to_vec();
        let mut bound = bound.to_owned();
        if name == "self" {
            bound = if bound == "self" { prefix.last().cloned().unwrap_or_default() } else { bound };
        } else if name != "*" {
            path.push(name.to_owned());
        }
        bindings.push((bound, path));
    }
}

fn split_at_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Returns paths in code that begin with a keyword or a module, such as `super::limits::BYTES_MAX`.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    code.split(|letter| !is_path(letter))
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").map(str::to_owned).collect::<Vec<String>>())
        .filter(|path| path[0].starts_with(char::is_lowercase))
        .collect()
}

fn has_word(code: &str, word: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}
