//! Binds the ports, and accepts connections with or without TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use remora_protocol::link::PORTS;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{
    error::HandshakeError,
    slots::{ConnectionSlot, ConnectionSlots},
};

/// The deadline for everything until a connection shows a valid token: TLS, the head of the request, and the bodies of
/// refused requests. Each valid token extends the deadline by this time, for the body and the answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 10 });
const TLS_HANDSHAKE_RECORD: u8 = 0x16;

/// Binds a free port. Returns it with the seed of the next one.
pub(super) async fn bind(address: IpAddr, seed: u16) -> Result<(TcpListener, u16), HandshakeError> {
    let count = PORTS.end() - PORTS.start() + 1;
    let mut error = None;
    for step in 0..count {
        let offset = (u32::from(seed) + u32::from(step)) % u32::from(count);
        let port = PORTS.start() + offset as u16;
        match TcpListener::bind(SocketAddr::new(address, port)).await {
            Ok(listener) => return Ok((listener, offset as u16 + 1)),
            Err(found) if found.kind() == io::ErrorKind::AddrInUse => error = Some(found),
            Err(source) => return Err(HandshakeError::NoPorts { address, source }),
        }
    }
    let source = error.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
    Err(HandshakeError::NoPorts { address, source })
}

/// Returns the TLS side of a server with this certificate chain and key.
pub(super) fn acceptor(certificate_pem: &str, key_pem: &str) -> Result<TlsAcceptor, HandshakeError> {
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let bad = |error: &dyn std::fmt::Display| HandshakeError::Certificate(error.to_string());
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| bad(&error))?;
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(&error))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| bad(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections and serves them until the future is dropped.
pub(super) async fn accept(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    // Each port has its own slots.
    let slots = ConnectionSlots::default();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely the process is out of file descriptors, and other connections must end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(slot) = slots.take(peer.ip()) else {
            tracing::debug!(%peer, "a connection is refused: all slots are taken by clients with a token");
            continue;
        };
        let served = serve_one(stream, tls.clone(), router.clone(), slot.clone());
        let connection = async move {
            let ended = tokio::select! {
                ended = served => ended,
                () = out_of_time(&slot) => Err("it took too long".into()),
                () = slot.lost() => Err("its slot was needed".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection ended");
            }
        };
        tokio::spawn(connection.in_current_span());
    }
}

/// Resolves when [`REQUEST_TIME_MAX`] has passed since the connection was accepted, and since each valid token.
async fn out_of_time(slot: &ConnectionSlot) {
    while tokio::time::timeout(REQUEST_TIME_MAX, slot.admitted()).await.is_ok() {}
}

async fn serve_one(
    stream: TcpStream,
    tls: TlsAcceptor,
    router: Router,
    slot: ConnectionSlot,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let (own, peer) = (stream.local_addr()?.ip().to_canonical(), stream.peer_addr()?.ip().to_canonical());
    let is_from_this_machine = own.is_loopback() || own == peer;
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(());
    }
    let http = hyper::server::conn::http1::Builder::new();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(slot.clone());
        router.clone().oneshot(request)
    });
    if first[0] == TLS_HANDSHAKE_RECORD {
        let stream = tls.accept(stream).await?;
        http.serve_connection(TokioIo::new(stream), service).await?;
    } else if is_from_this_machine {
        http.serve_connection(TokioIo::new(stream), service).await?;
    }
    Ok(())
}
