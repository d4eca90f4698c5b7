//! The pages are embedded in the executable; without them the build says what to do instead of failing obscurely.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=../../web/portal/dist");
    if std::env::var_os("CARGO_FEATURE_HOST").is_none() {
        return;
    }
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is");
    let index = Path::new(&here).join("../../web/portal/dist/index.html");
    assert!(index.exists(), "the web pages are not built yet: run `make build`, or `npm run build` in web/");
}
