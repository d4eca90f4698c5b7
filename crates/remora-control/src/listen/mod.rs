//! HTTP/1.1 on a listening socket, with or without TLS, within limits.
//!
//! One address cannot keep other clients out by holding connections open, and no flood keeps render hosts from
//! reporting: see [`places`]. Every phase of a connection has a deadline: the handshake, a request's headers, its
//! answer (in [`observe`](crate::api::observe)), and sending that answer.

mod places;
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

pub use self::places::Place;
use self::places::{Lost, Party, Places, PlacesMax};
use self::watched::{WatchedBody, WatchedStream};

const PLACES_MAX: PlacesMax = PlacesMax { others: 2_048, subscriber: 256, own: 2_048, hosts: 2_048 };
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// For one request's headers, and for the silence before them.
const HEADERS_MAX: Duration = Duration::from_secs(30);
const HEADER_COUNT_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 * 1_024;
/// Time to send an answer in, counted from the moment at which the client stops reading: room for 3 MB over 50 kB/s.
const SENDING_MAX: Duration = Duration::from_secs(60);
/// Time that open connections have to finish in.
const CLOSING_MAX: Duration = Duration::from_millis(500);
/// Out of file descriptors, most likely: some connection has to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address of the client. Every request has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

struct Accepted {
    stream: TcpStream,
    peer: Peer,
    place: Arc<Place>,
    lost: Lost,
}

/// Serves until `closing` turns true, then lets running requests end for a moment.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, closing: watch::Receiver<bool>) {
    serve_within(PLACES_MAX, listener, tls, router, closing).await;
}

async fn serve_within(
    max: PlacesMax,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let places = Places::new(max);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = closed(&mut closing) => break,
        };
        while connections.try_join_next().is_some() {}
        let Accepted { stream, peer, place, lost } = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => {
                tracing::debug!("a connection was closed at once: there are too many");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, router, closing) = (tls.clone(), router.clone(), closing.clone());
        connections.spawn(async move {
            let conversation = Conversation { peer, place, lost, router, closing, sending_max: SENDING_MAX };
            match tls {
                None => conversation.run(stream).await,
                Some(tls) => conversation.run_over_tls(&tls, stream).await,
            }
        });
    }
    drop(listener);
    let _ = timeout(CLOSING_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

/// Returns `None` if there is no place for the connection.
async fn accept(listener: &TcpListener, places: &Places) -> std::io::Result<Option<Accepted>> {
    let (stream, peer) = listener.accept().await?;
    let peer = Peer(peer.ip().to_canonical());
    let is_own = stream.local_addr()?.ip().to_canonical() == peer.0;
    let party = if is_own { Party::Own } else { Party::Other { subscriber: subscriber_of(peer.0) } };
    let Some((place, lost)) = places.take(party) else { return Ok(None) };
    stream.set_nodelay(true)?;
    Ok(Some(Accepted { stream, peer, place, lost }))
}

/// One connection.
struct Conversation {
    peer: Peer,
    place: Arc<Place>,
    lost: Lost,
    router: Router,
    closing: watch::Receiver<bool>,
    sending_max: Duration,
}

impl Conversation {
    async fn run_over_tls(mut self, tls: &TlsAcceptor, stream: TcpStream) {
        let opened = tokio::select! {
            opened = timeout(HANDSHAKE_MAX, tls.accept(stream)) => opened,
            _ = &mut self.lost => return tracing::debug!("a connection gave its place to a newer one"),
        };
        match opened {
            Ok(Ok(stream)) => self.run(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
            Err(_) => tracing::debug!("no TLS connection in time"),
        }
    }

    async fn run(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Self { peer, place, lost, router, mut closing, sending_max } = self;
        place.opened();
        let stream = WatchedStream::new(stream, place.clone(), sending_max);
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            place.asked();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(place.clone());
            let (answer, place) = (router.call(request), place.clone());
            async move { answer.await.map(|answer| answer.map(|body| WatchedBody::new(Body::new(body), place))) }
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
                tracing::debug!("a connection gave its place to a newer one");
                connection.as_mut().graceful_shutdown();
                timeout(CLOSING_MAX, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Also resolves when nothing is left that could close.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests;
