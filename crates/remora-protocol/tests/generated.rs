//! Checks that the messages in `src/generated` match the schema in `proto/`. After a change of the schema,
//! `REMORA_ACCEPT_GENERATED=1 cargo test -p remora-protocol` writes them again.

use std::{fs, path::Path};

#[test]
fn generated_messages_are_those_of_the_schema() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = here.join("../../proto");
    let checked_in = here.join("src/generated/remora.v1.rs");

    let descriptors = protox::compile(["remora/v1/connection.proto"], [&proto]).expect("the schema compiles");
    let out = tempfile::tempdir().expect("a temporary directory");
    prost_build::Config::new()
        .boxed(".remora.v1.Reply.result.entity_info")
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("the messages are generated");
    let generated = fs::read_to_string(out.path().join("remora.v1.rs")).expect("one file for the package");

    if std::env::var_os("REMORA_ACCEPT_GENERATED").is_some() {
        fs::write(&checked_in, &generated).expect("the source directory is writable");
    }
    let present = fs::read_to_string(&checked_in).expect("the generated file is checked in");
    assert!(
        present == generated,
        "src/generated/remora.v1.rs is stale: REMORA_ACCEPT_GENERATED=1 cargo test -p remora-protocol"
    );
}
