//! Serves HTTP/1.1 on a listening socket, with or without TLS, within limits.
//!
//! No address can keep other clients out by holding connections open, and no flood can keep render hosts from
//! reporting: see [`slots`]. Every phase of a connection has a deadline: the handshake, a request's headers, its
//! response (in [`observe`](crate::api::observe)), and sending that response.

mod slots;
mod watched;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use remora_protocol::subscriber::subscriber_of;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub(crate) use self::slots::ConnectionSlot;
use self::slots::{ConnectionSlots, Lost, Party, SlotLimits};
use self::watched::{WatchedBody, WatchedStream};

const SLOTS_MAX: SlotLimits = SlotLimits { others: 2_048, subscriber: 256, own: 2_048, hosts: 2_048 };
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Time limit for one request's headers, and for the silence before them.
const HEADERS_MAX: Duration = Duration::from_secs(30);
const HEADER_COUNT_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 * 1_024;
/// Time limit for sending a response, from the moment at which the client stops reading: enough for 3 MB at 50 kB/s.
const SENDING_MAX: Duration = Duration::from_mins(1);
/// Time that open connections have to finish when the service ends.
const CLOSING_MAX: Duration = Duration::from_millis(500);
/// Pause after an error, most likely because no file descriptor is free. Some connection has to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Address of the client. Every request has it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub IpAddr);

/// A new connection with its slot.
struct Accepted {
    stream: TcpStream,
    peer: Peer,
    slot: Arc<ConnectionSlot>,
    lost: Lost,
}

/// Serves until `closing` becomes true, then gives running requests a moment to finish.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, closing: watch::Receiver<bool>) {
    serve_within(SLOTS_MAX, listener, tls, router, closing).await;
}

async fn serve_within(
    max: SlotLimits,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let slots = ConnectionSlots::new(max);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = closed(&mut closing) => break,
        };
        while connections.try_join_next().is_some() {}
        let Accepted { stream, peer, slot, lost } = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => {
                tracing::debug!("refused a connection: there are too many");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, router, closing) = (tls.clone(), router.clone(), closing.clone());
        connections.spawn(async move {
            let connection = HttpConnection { peer, slot, lost, router, closing, sending_max: SENDING_MAX };
            match tls {
                None => connection.run(stream).await,
                Some(tls) => connection.run_over_tls(&tls, stream).await,
            }
        });
    }
    drop(listener);
    let _ = timeout(CLOSING_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

/// Accepts a connection. Returns `None` if there is no slot for it.
async fn accept(listener: &TcpListener, slots: &ConnectionSlots) -> std::io::Result<Option<Accepted>> {
    let (stream, peer) = listener.accept().await?;
    let peer = Peer(peer.ip().to_canonical());
    let is_own = stream.local_addr()?.ip().to_canonical() == peer.0;
    let party = if is_own { Party::Own } else { Party::Other { subscriber: subscriber_of(peer.0) } };
    let Some((slot, lost)) = slots.take(party) else { return Ok(None) };
    stream.set_nodelay(true)?;
    Ok(Some(Accepted { stream, peer, slot, lost }))
}

/// One connection.
struct HttpConnection {
    peer: Peer,
    slot: Arc<ConnectionSlot>,
    lost: Lost,
    router: Router,
    closing: watch::Receiver<bool>,
    sending_max: Duration,
}

impl HttpConnection {
    async fn run_over_tls(mut self, tls: &TlsAcceptor, stream: TcpStream) {
        let opened = tokio::select! {
            opened = timeout(HANDSHAKE_MAX, tls.accept(stream)) => opened,
            _ = &mut self.lost => return tracing::debug!("closed a connection for a newer one"),
        };
        match opened {
            Ok(Ok(stream)) => self.run(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake timed out"),
        }
    }

    async fn run(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Self { peer, slot, lost, router, mut closing, sending_max } = self;
        slot.opened();
        let stream = WatchedStream::new(stream, slot.clone(), sending_max);
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            slot.asked();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(slot.clone());
            let (answer, slot) = (router.call(request), slot.clone());
            async move { answer.await.map(|answer| answer.map(|body| WatchedBody::new(Body::new(body), slot))) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_MAX)
            .max_headers(HEADER_COUNT_MAX)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = closed(&mut closing) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            _ = lost => {
                tracing::debug!("closed a connection for a newer one");
                connection.as_mut().graceful_shutdown();
                timeout(CLOSING_MAX, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Waits until the service closes. Also returns if the sender is gone.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests;
