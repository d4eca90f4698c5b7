//! The host's two TCP ports: the handshake (see [`remora_protocol::handshake`]) and the inspector.
//!
//! Both ports accept TLS and, from the host's own machine, plain HTTP, told apart by the first byte. So a page that the
//! local browser loaded without a certificate can connect. Requests from pages of other origins are refused before the
//! token is looked at, and so are requests under another name than this host's on loopback (DNS rebinding).
//!
//! A host that waits for a session listens too. A client whose token is valid makes a host without a session ask the
//! control plane at once, and waits for the answer, because a session may be given to a client a moment before its host
//! hears of it.
//!
//! Strangers cannot keep clients out: they share the slots for connections ([`slots`]), only the head of their requests
//! is read, and everything that they do has one deadline.
//!
//! The server decides which clients may connect. It never touches the scene, and the connection itself is the
//! transport's.

mod admission;
mod backend;
mod error;
mod holder;
mod listener;
mod observe;
mod routes;
mod slots;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use remora_protocol::link::HostStart;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::token::TokenVerifier;
use admission::Admission;
pub(crate) use backend::{HandshakeBackend, OfferRejection, SessionWatch};
pub(crate) use error::HandshakeError;
pub(crate) use holder::Holder;

/// The server of both ports.
pub(crate) struct HandshakeServer {
    handshake: TcpListener,
    inspector: TcpListener,
    tls: TlsAcceptor,
    admission: Arc<Admission>,
}

impl HandshakeServer {
    /// Binds two ports of the original service's range. `seed` spreads hosts over it.
    pub(crate) async fn open(
        start: &HostStart,
        seed: u16,
        session: SessionWatch,
        holder: Arc<Holder>,
        backend: Box<dyn HandshakeBackend>,
    ) -> Result<Self, HandshakeError> {
        let HostStart { spec, placement } = start;
        let address = placement.listen_address;
        let (handshake, next) = listener::bind(address, seed).await?;
        let (inspector, _) = listener::bind(address, next).await?;
        let verifier = TokenVerifier::new(&spec.token_public_key_pem).ok_or(HandshakeError::PublicKey)?;
        let names = if address.is_loopback() {
            vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), placement.hostname.clone()]
        } else {
            Vec::new()
        };
        let allowed_origins = spec.allowed_origins.clone();
        let admission = Admission { verifier, allowed_origins, names, session, holder, backend };
        let tls = listener::acceptor(&placement.certificate_pem, &placement.certificate_key_pem)?;
        Ok(Self { handshake, inspector, tls, admission: Arc::new(admission) })
    }

    /// Returns the numbers of the handshake port and the inspector port.
    pub(crate) fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.handshake.local_addr()?.port(), self.inspector.local_addr()?.port()))
    }

    /// Serves until the future is dropped.
    pub(crate) async fn serve(self) {
        let Self { handshake, inspector, tls, admission } = self;
        tokio::join!(
            listener::accept(handshake, tls.clone(), routes::handshake(&admission)),
            listener::accept(inspector, tls, routes::inspector(&admission)),
        );
    }
}
