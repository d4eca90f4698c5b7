//! Runs the fuzz target over the corpus in the repository.

use remora_asset::untrusted;

#[path = "../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_fuzz_target_holds_over_its_corpus() {
    replay("asset", untrusted::asset);
}
