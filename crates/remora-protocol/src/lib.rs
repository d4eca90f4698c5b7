//! The messages between client, render host and control plane. This crate is data only: no network, no clock.
//!
//! | module | between | transport |
//! |---|---|---|
//! | [`connection`] | client and host | protobuf on two data channels; schema in `proto/` |
//! | [`codes`] | client and host | stable texts of errors, notices and load stages |
//! | [`correlation`] | everyone | correlation vectors in headers and logs |
//! | [`handshake`] | client and host | HTTP POST of an SDP offer to the host's handshake port |
//! | [`hosts`] | host and control plane | hosts that an operator allows, in the configuration and in [`link`] |
//! | [`life`] | host and control plane | the rules by which a host lives and ends |
//! | [`link`] | host and control plane | JSON over HTTPS; the host sends the requests |
//! | [`subscriber`] | control plane and host | the key by which peers share connection slots |
//! | [`token`] | all | claims of the access token that the control plane signs |
//! | [`origins`], [`cors`] | web pages and all services | which pages may call, and the headers that tell browsers |

pub mod codes;
pub mod connection;
pub mod correlation;
pub mod cors;
pub mod handshake;
pub mod hosts;
pub mod life;
pub mod link;
pub mod origins;
pub mod subscriber;
pub mod token;
