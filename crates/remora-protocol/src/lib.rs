//! What travels between client, render host and control plane. Data only: no network, no clock.
//!
//! | module | who talks | how |
//! |---|---|---|
//! | [`connection`] | client and host | protobuf on two data channels; schema in `proto/` |
//! | [`codes`] | client and host | stable texts of errors, notices and load stages |
//! | [`handshake`] | client and host | HTTP POST of an SDP offer to the host's handshake port |
//! | [`hosts`] | host and control plane | hosts that an operator opens, in a configuration and in [`link`] |
//! | [`link`] | host and control plane | JSON over HTTPS, the host asks |
//! | [`subscriber`] | control plane and hosts | how places are shared among strangers |
//! | [`token`] | everyone | claims of the access token that the control plane signs |
//! | [`origins`], [`cors`] | pages and everyone else | which pages may call, and the headers that say so |

pub mod codes;
pub mod connection;
pub mod cors;
pub mod handshake;
pub mod hosts;
pub mod link;
pub mod origins;
pub mod subscriber;
pub mod token;
