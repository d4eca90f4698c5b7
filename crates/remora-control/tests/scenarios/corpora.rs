//! Runs the fuzz targets over the inputs in the repository.

use remora_control::untrusted;

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn fuzz_targets_hold_over_their_corpora() {
    replay("time_span", untrusted::time_span);
    replay("lenient_json", untrusted::lenient_json);
    replay("ids", untrusted::ids);
    replay("tokens", untrusted::tokens);
}
