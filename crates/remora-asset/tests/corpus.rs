//! Runs the fuzz target over the corpus in the repository.

use std::path::Path;

use remora_asset::untrusted;

#[test]
fn the_fuzz_target_holds_over_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/asset");
    let inputs: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(inputs.len() >= 8, "there is a corpus");
    for input in inputs {
        untrusted::asset(&std::fs::read(input).unwrap());
    }
}
