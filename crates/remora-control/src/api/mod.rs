//! The HTTP interface. Each generation of the REST API is a module over the same five calls of
//! [`Sessions`](crate::sessions::Sessions). Generations share no code with each other.

pub(crate) mod common;
pub(crate) mod continuation;
pub(crate) mod conversions;
pub(crate) mod cross_origin;
pub(crate) mod host_name;
pub(crate) mod ice_servers;
pub(crate) mod limit;
pub(crate) mod link;
pub(crate) mod observe;
pub(crate) mod openapi;
mod owner_body;
pub(crate) mod probes;
pub(crate) mod sts;
pub(crate) mod usage;
pub(crate) mod v1;
pub(crate) mod v2021_01_01;
