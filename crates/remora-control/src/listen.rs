//! HTTP/1.1 on a listening socket, with or without TLS, within limits.
//!
//! Connections from this machine have places of their own: render hosts report over them, and no stranger who holds
//! many connections open may keep a host from reporting.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// From this machine, and from everywhere else.
const CONNECTIONS_MAX: usize = 2_048;
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// For one request's headers, and for the silence before them.
const HEADERS_MAX: Duration = Duration::from_secs(30);
const HEADER_COUNT_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 * 1_024;
/// What open connections have to finish in.
const CLOSING_MAX: Duration = Duration::from_millis(500);
/// Out of file descriptors, most likely: some connection has to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of the connection; with every request, among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Serves until `closing` turns true, then lets running requests end for a moment.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let places = Places::new(CONNECTIONS_MAX);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = closed(&mut closing) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer, place) = match accepted {
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
            match tls {
                None => converse(stream, peer, router, closing).await,
                Some(tls) => match timeout(HANDSHAKE_MAX, tls.accept(stream)).await {
                    Ok(Ok(stream)) => converse(stream, peer, router, closing).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
                    Err(_) => tracing::debug!("no TLS connection in time"),
                },
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(CLOSING_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

/// `None` if there is no place for it.
async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> std::io::Result<Option<(TcpStream, Peer, OwnedSemaphorePermit)>> {
    let (stream, peer) = listener.accept().await?;
    let peer = Peer(peer.ip().to_canonical());
    let is_own = stream.local_addr()?.ip().to_canonical() == peer.0;
    let Some(place) = places.take(is_own) else { return Ok(None) };
    stream.set_nodelay(true)?;
    Ok(Some((stream, peer, place)))
}

struct Places {
    own: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Places {
    fn new(max: usize) -> Self {
        let [own, others] = [(); 2].map(|()| Arc::new(Semaphore::new(max)));
        Self { own, others }
    }

    fn take(&self, is_own: bool) -> Option<OwnedSemaphorePermit> {
        let places = if is_own { &self.own } else { &self.others };
        places.clone().try_acquire_owned().ok()
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
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
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Also when nobody is left who could close.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpSocket;

    use super::*;

    async fn connect(from: [u8; 4], listener: &TcpListener) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(listener.local_addr().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn strangers_cannot_take_the_places_of_this_machine() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let places = Places::new(1);
        let (stranger, own) = ([127, 0, 0, 2], [127, 0, 0, 1]);
        let _first = connect(stranger, &listener).await;
        let first = accept(&listener, &places).await.unwrap();
        assert!(first.is_some());
        let _second = connect(stranger, &listener).await;
        assert!(accept(&listener, &places).await.unwrap().is_none(), "the strangers' place is taken");
        let _host = connect(own, &listener).await;
        assert!(accept(&listener, &places).await.unwrap().is_some());
        drop(first);
        let _third = connect(stranger, &listener).await;
        assert!(accept(&listener, &places).await.unwrap().is_some(), "a place is free again");
    }
}
