//! The words of everything that a person reads, and the width of lines.

use crate::sources::{Source, files};

/// Words that the project has overused. CONTRIBUTING.md shows how to write instead.
const WORDS: &[&str] = &["whoever", "nobody", "somebody", "anew", "so many", "goes on", "shall"];
/// Openings of comments that are not sentences.
const OPENINGS: &[&str] = &["Of ", "What "];
const EXTENSIONS: &[&str] = &["rs", "md", "ts", "wgsl", "proto", "sql", "toml", "sh"];
const COLUMNS_MAX: usize = 120;

/// Files that quote the words.
const QUOTES: &[&str] = &["crates/remora/tests/tidy/language.rs"];
/// Migrations that have been applied are compared by their content, so their comments never change.
const APPLIED_MIGRATIONS: &str = "crates/remora-control/migrations/";
/// Folders and files whose language is not clean yet. The list only shrinks.
const NOT_YET_PLAIN: &[&str] = &["crates/remora-render/"];
/// Folders whose lines are not all narrow enough yet. The list only shrinks.
const NOT_YET_NARROW: &[&str] = &["crates/remora-control/", "crates/remora-render/"];

#[test]
fn words_are_plain() {
    let mut found = Vec::new();
    for source in written() {
        let lines: Vec<String> = source.text.lines().map(|line| text_of(line).to_lowercase()).collect();
        for (index, line) in lines.iter().enumerate() {
            // A table of CONTRIBUTING.md quotes sentences that the project once had.
            if source.path == "CONTRIBUTING.md" && line.starts_with("| \"") {
                continue;
            }
            // Two words can be parted by a line break.
            let next = lines.get(index + 1).and_then(|next| next.split_whitespace().next()).unwrap_or_default();
            let joined = format!("{line} {next}");
            for word in WORDS {
                let text = if word.contains(' ') { &joined } else { line };
                if contains_word(text, word) {
                    found.push(format!("{}:{}: {word}", source.path, index + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} words are not plain:\n{}", found.len(), found.join("\n"));
}

#[test]
fn comments_are_sentences_or_noun_phrases() {
    let mut found = Vec::new();
    for source in written() {
        let mut continues = false;
        for (index, line) in source.text.lines().enumerate() {
            let text = text_of(line);
            let is_prose = if source.has_extension("md") { !line.starts_with('#') } else { is_comment(line) };
            if is_prose && !continues && OPENINGS.iter().any(|opening| text.starts_with(opening)) {
                found.push(format!("{}:{}: {text}", source.path, index + 1));
            }
            continues = is_prose && !text.is_empty();
        }
    }
    assert!(found.is_empty(), "{} comments need a subject and a verb:\n{}", found.len(), found.join("\n"));
}

#[test]
fn lines_fit_into_a_window() {
    let mut found = Vec::new();
    for source in files("crates", &["rs", "wgsl"]) {
        if NOT_YET_NARROW.iter().any(|start| source.path.starts_with(start)) {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                found.push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    assert!(found.is_empty(), "lines have more than {COLUMNS_MAX} columns:\n{}", found.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    for source in files("", &["rs", "ts", "wgsl"]) {
        for mark in
            ["todo!", "unimplemented!", "TODO", "FIXME", "XXX", "dbg!(", "#[ignore]", "test.only(", "test.skip("]
        {
            let is_list = QUOTES.contains(&source.path.as_str());
            assert!(is_list || !source.text.contains(mark), "{} contains {mark}", source.path);
        }
    }
}

#[test]
fn programs_do_not_unwrap() {
    for source in files("crates", &["rs"]) {
        if !source.is_test() && source.path.contains("/src/") {
            let path = &source.path;
            assert!(!source.program().contains(".unwrap()"), "{path} unwraps; use expect and say why it cannot fail");
        }
    }
}

/// Returns the files that people write and whose language is held.
fn written() -> impl Iterator<Item = Source> {
    files("", EXTENSIONS).into_iter().filter(|source| {
        let path = source.path.as_str();
        !QUOTES.contains(&path)
            && !path.starts_with(APPLIED_MIGRATIONS)
            && !NOT_YET_PLAIN.iter().any(|start| path.starts_with(start))
    })
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["//", "/*", "* ", "# ", "## ", "-- "].iter().any(|mark| line.starts_with(mark)) || line == "*" || line == "#"
}

/// Returns a line without its indentation and the marks of a comment.
fn text_of(line: &str) -> &str {
    let line = line.trim();
    if is_comment(line) { line.trim_start_matches(['/', '!', '*', '#', '-']).trim() } else { line }
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
