//! Runs the fuzz targets over the corpora in the repository.

use std::path::Path;

use remora_import::untrusted;

#[test]
fn fuzz_targets_hold_over_their_corpora() {
    hold("ply", untrusted::ply);
    hold("las", untrusted::las);
    hold("e57", untrusted::e57);
    hold("xyz", untrusted::xyz);
    hold("gltf", untrusted::gltf);
}

fn hold(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let inputs: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(inputs.len() >= 8, "{name} has a corpus");
    for input in inputs {
        target(&std::fs::read(input).unwrap());
    }
}
