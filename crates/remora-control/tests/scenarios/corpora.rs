//! Runs the fuzz targets over the inputs in the repository.

use std::path::Path;

use remora_control::untrusted;

#[test]
fn fuzz_targets_hold_over_their_corpora() {
    hold("time_span", untrusted::time_span);
    hold("lenient_json", untrusted::lenient_json);
    hold("ids", untrusted::ids);
    hold("tokens", untrusted::tokens);
}

fn hold(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let inputs: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(inputs.len() >= 8, "{name} has a corpus");
    for input in inputs {
        target(&std::fs::read(input).unwrap());
    }
}
