//! The HTTP interface. Each generation of the REST API is a module over the same five calls of
//! [`Sessions`](crate::sessions::Sessions). Generations share no code with each other.

pub mod common;
pub(crate) mod continuation;
pub mod conversions;
pub(crate) mod correlation;
pub mod cross_origin;
pub mod host_name;
pub mod ice_servers;
pub mod limit;
pub mod link;
pub mod observe;
pub mod openapi;
mod owner_body;
pub mod probes;
pub mod sts;
pub mod usage;
pub mod v1;
pub mod v2021_01_01;
