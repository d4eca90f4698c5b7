//! Runs a fuzz target over its corpus in the repository. The tests of each crate that has targets include this file.

use std::path::Path;

/// Calls `target` with every input in the corpus `name`.
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let inputs: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(inputs.len() >= 8, "{name} has a corpus");
    for input in inputs {
        target(&std::fs::read(input).unwrap());
    }
}
