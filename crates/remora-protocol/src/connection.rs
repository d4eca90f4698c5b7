//! Messages on the two data channels of a connection, generated from `proto/remora/v1/connection.proto`.

#![allow(
    missing_docs,
    clippy::doc_markdown,
    reason = "the generator copies comments from the schema, where every message and the less obvious fields have one"
)]

include!("generated/remora.v1.rs");
