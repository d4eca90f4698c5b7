//! Messages on the two data channels of a connection, generated from `proto/remora/v1/connection.proto`.

include!("generated/remora.v1.rs");
