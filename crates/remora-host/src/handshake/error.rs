//! The reasons why the handshake server does not start.

use std::{io, net::IpAddr};

use remora_protocol::link::PORTS;
use thiserror::Error;

/// The reason why the handshake server does not start.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    #[error("no two free TCP ports between {} and {} on {address}", PORTS.start(), PORTS.end())]
    NoPorts { address: IpAddr, source: io::Error },
    #[error("the host's certificate or key cannot be used: {0}")]
    Certificate(String),
    #[error("the token service's public key is not a PEM of an RSA key")]
    PublicKey,
}
