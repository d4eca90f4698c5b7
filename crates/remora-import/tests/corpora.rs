//! Runs the fuzz targets over the corpora in the repository.

use remora_import::untrusted;

#[path = "../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn fuzz_targets_hold_over_their_corpora() {
    replay("ply", untrusted::ply);
    replay("las", untrusted::las);
    replay("e57", untrusted::e57);
    replay("xyz", untrusted::xyz);
    replay("gltf", untrusted::gltf);
}
