//! Messages on the two data channels of a connection, generated from `proto/remora/v1/connection.proto`.

// The generator copies comments from the schema, where every message and the less obvious fields have one.
#![allow(missing_docs)]

include!("generated/remora.v1.rs");
