//! The host's two TCP ports: the handshake (see [`remora_protocol::handshake`]) and the inspector.
//!
//! Both take TLS, and from this machine plain HTTP too, told apart by the first byte, so that a page
//! that the local browser loaded without a certificate can connect. Pages of other origins are refused before the token is
//! looked at, and so is whoever came by another name than this host's on loopback (DNS rebinding).
//!
//! A host that waits for a session listens too. Whoever comes with a token of this service while the host knows of no
//! session yet makes it ask the control plane at once, and waits for the answer: a session may be given to a client a
//! moment before its host hears of it.
//!
//! Strangers cannot keep clients out: they share places ([`places`]), nothing of what they send is read but the head of
//! a request, and everything that they do has one deadline.
//!
//! The door decides who may come in; it never touches the scene, and the connection itself is the transport's.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Extension, FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use remora_protocol::{
    codes::HandshakeErrorCode,
    cors::{self, ORIGIN_PATH, OriginResponse},
    handshake::{CONNECTION_PATH, ErrorBody, OFFER_BYTES_MAX, RESUME_HEADER},
    link::{Assignment, HostStart, PORTS},
    origins::Origins,
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::{
    clock::seconds_since_1970,
    token::{Refusal, TokenVerifier, check_admission},
};

mod holder;
mod slots;
#[cfg(test)]
mod tests;

pub use holder::Holder;
use slots::{ConnectionSlot, ConnectionSlots};

/// For everything until a connection shows a good token: TLS, the head of the request, and the bodies of requests that
/// are refused. As much again for all that follows each good token: the body and the answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 10 });
/// The control plane answers a report within milliseconds, if it answers.
const ASSIGNMENT_TIME_MAX: Duration = Duration::from_secs(3);
const TLS_HANDSHAKE_RECORD: u8 = 0x16;

#[derive(Debug, Error)]
pub enum HandshakeError {
    #[error("no two free TCP ports between {} and {} on {address}", PORTS.start(), PORTS.end())]
    NoPorts { address: IpAddr, source: io::Error },
    #[error("the host's certificate or key cannot be used: {0}")]
    Certificate(String),
    #[error("the token service's public key is not a PEM of an RSA key")]
    PublicKey,
}

/// Why an offer that came with a good token is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferRejection {
    InUse,
    BadOffer(String),
    Unavailable(String),
}

/// What stands behind the door.
pub trait HandshakeBackend: Send + Sync + 'static {
    /// Answers an SDP offer. May block for milliseconds.
    fn answer(&self, offer: &str) -> Result<String, OfferRejection>;
    /// The inspector's page: JSON.
    fn inspect(&self) -> String;
    /// Asks the control plane at once whether there is a session by now.
    fn ask_for_session(&self);
}

/// The session that the host is for, once it is for one.
pub type SessionWatch = watch::Receiver<Option<Arc<Assignment>>>;

pub struct HandshakeServer {
    handshake: TcpListener,
    inspector: TcpListener,
    tls: TlsAcceptor,
    admission: Arc<Admission>,
}

struct Admission {
    verifier: TokenVerifier,
    allowed_origins: Origins,
    /// Host names that may be asked for; empty: any.
    names: Vec<String>,
    session: SessionWatch,
    holder: Arc<Holder>,
    backend: Box<dyn HandshakeBackend>,
}

impl HandshakeServer {
    /// Takes two ports of the original service's range. `seed` spreads hosts over it.
    pub async fn open(
        start: &HostStart,
        seed: u16,
        session: SessionWatch,
        holder: Arc<Holder>,
        backend: Box<dyn HandshakeBackend>,
    ) -> Result<Self, HandshakeError> {
        let HostStart { spec, placement } = start;
        let address = placement.listen_address;
        let (handshake, next) = bind(address, seed).await?;
        let (inspector, _) = bind(address, next).await?;
        let verifier = TokenVerifier::new(&spec.token_public_key_pem).ok_or(HandshakeError::PublicKey)?;
        let names = if address.is_loopback() {
            vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), placement.hostname.clone()]
        } else {
            Vec::new()
        };
        let allowed_origins = spec.allowed_origins.clone();
        let admission = Admission { verifier, allowed_origins, names, session, holder, backend };
        Ok(Self {
            handshake,
            inspector,
            tls: acceptor(&placement.certificate_pem, &placement.certificate_key_pem)?,
            admission: Arc::new(admission),
        })
    }

    /// Handshake and inspector.
    pub fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.handshake.local_addr()?.port(), self.inspector.local_addr()?.port()))
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let handshake =
            Router::new().route(CONNECTION_PATH, post(connect)).layer(DefaultBodyLimit::max(OFFER_BYTES_MAX));
        let inspector = Router::new().route("/", get(inspect));
        let finish = |router: Router<Arc<Admission>>| {
            router
                .layer(middleware::from_fn_with_state(self.admission.clone(), admit))
                .with_state(self.admission.clone())
        };
        tokio::join!(
            accept(self.handshake, self.tls.clone(), finish(handshake)),
            accept(self.inspector, self.tls.clone(), finish(inspector)),
        );
    }
}

async fn bind(address: IpAddr, seed: u16) -> Result<(TcpListener, u16), HandshakeError> {
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

fn acceptor(certificate_pem: &str, key_pem: &str) -> Result<TlsAcceptor, HandshakeError> {
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

async fn accept(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    // Each port has places of its own.
    let places = ConnectionSlots::default();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = places.take(peer.ip()) else {
            tracing::debug!(%peer, "a connection is refused: all places are taken by clients with a token");
            continue;
        };
        let served = serve_one(stream, tls.clone(), router.clone(), place.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = served => ended,
                () = out_of_time(&place) => Err("it took too long".into()),
                () = place.lost() => Err("its place was needed".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection ended");
            }
        });
    }
}

/// Resolves when [`REQUEST_TIME_MAX`] has passed since the connection came, and since each good token.
async fn out_of_time(place: &ConnectionSlot) {
    while tokio::time::timeout(REQUEST_TIME_MAX, place.admitted()).await.is_ok() {}
}

async fn serve_one(
    stream: TcpStream,
    tls: TlsAcceptor,
    router: Router,
    place: ConnectionSlot,
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
        request.extensions_mut().insert(place.clone());
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

/// Name and origin first, then what every answer carries.
async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asks_for_origin = request.uri().path() == ORIGIN_PATH;
    let mut response = match admission.refusal(request.headers(), asks_for_origin) {
        Some(message) => error(StatusCode::FORBIDDEN, HandshakeErrorCode::Forbidden, message),
        None if cors::is_preflight(request.method(), request.headers()) => {
            let mut permission = StatusCode::NO_CONTENT.into_response();
            cors::permit(request.headers(), permission.headers_mut());
            permission
        }
        None if asks_for_origin => {
            axum::Json(OriginResponse::new(&admission.allowed_origins, request.headers())).into_response()
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if asks_for_origin {
        cors::share_with_all(headers);
    } else {
        cors::share(&admission.allowed_origins, origin, headers);
    }
    response
}

/// Nothing of the body is read before the token is found to be good.
async fn connect(
    State(admission): State<Arc<Admission>>,
    Extension(place): Extension<ConnectionSlot>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if let Err(refusal) = admission.verify(&headers).await {
        return refused(&refusal);
    }
    place.admit();
    let offer = match Bytes::from_request(request, &()).await {
        Ok(offer) => offer,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("an SDP offer may have {OFFER_BYTES_MAX} bytes");
            return error(StatusCode::PAYLOAD_TOO_LARGE, HandshakeErrorCode::TooLarge, message);
        }
        Err(rejection) => return error(StatusCode::BAD_REQUEST, HandshakeErrorCode::BadOffer, rejection.body_text()),
    };
    let Ok(offer) = String::from_utf8(offer.into()) else {
        return error(
            StatusCode::BAD_REQUEST,
            HandshakeErrorCode::BadOffer,
            "the body is not an SDP offer: it is not UTF-8".to_owned(),
        );
    };
    if !admission.holder.admits(headers.get(RESUME_HEADER).and_then(|secret| secret.to_str().ok())) {
        return error(
            StatusCode::CONFLICT,
            HandshakeErrorCode::SessionInUse,
            "this session belongs to the client that was connected first, until it is stopped; only that client may \
             come back"
                .to_owned(),
        );
    }
    let holder = admission.holder.clone();
    let answer = tokio::task::spawn_blocking(move || admission.backend.answer(&offer)).await;
    match answer {
        Ok(Ok(sdp)) => accepted(sdp, holder.promise()),
        Ok(Err(OfferRejection::InUse)) => error(
            StatusCode::CONFLICT,
            HandshakeErrorCode::SessionInUse,
            "this session is in use by another client; it is free again when that one disconnects".to_owned(),
        ),
        Ok(Err(OfferRejection::BadOffer(why))) => error(StatusCode::BAD_REQUEST, HandshakeErrorCode::BadOffer, why),
        Ok(Err(OfferRejection::Unavailable(why))) => {
            error(StatusCode::SERVICE_UNAVAILABLE, HandshakeErrorCode::Unavailable, why)
        }
        Err(panic) => {
            error(StatusCode::INTERNAL_SERVER_ERROR, HandshakeErrorCode::InternalServerError, panic.to_string())
        }
    }
}

fn accepted(sdp: String, resume: Option<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/sdp"), (header::LOCATION, CONNECTION_PATH)];
    let mut response = (StatusCode::CREATED, headers, Body::from(sdp)).into_response();
    if let Some(secret) = resume {
        let secret = HeaderValue::try_from(secret).expect("hexadecimal digits are a header's value");
        response.headers_mut().insert(HeaderName::from_static(RESUME_HEADER), secret);
    }
    response
}

async fn inspect(
    State(admission): State<Arc<Admission>>,
    Extension(place): Extension<ConnectionSlot>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = admission.verify(&headers).await {
        return refused(&refusal);
    }
    place.admit();
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], admission.backend.inspect()).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::NoSession => {
            error(StatusCode::SERVICE_UNAVAILABLE, HandshakeErrorCode::Unavailable, refusal.to_string())
        }
        Refusal::Foreign | Refusal::Private => {
            error(StatusCode::FORBIDDEN, HandshakeErrorCode::Forbidden, refusal.to_string())
        }
        Refusal::Missing | Refusal::Expired | Refusal::Forged => {
            let mut response = error(StatusCode::UNAUTHORIZED, HandshakeErrorCode::Unauthorized, refusal.to_string());
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
    }
}

fn error(status: StatusCode, code: HandshakeErrorCode, message: String) -> Response {
    (status, axum::Json(ErrorBody::new(code.as_str(), message))).into_response()
}

impl Admission {
    /// Only who has a token of this service can make the host ask for its session.
    async fn verify(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claims = self.verifier.verify(authorization, seconds_since_1970())?;
        let session = self.session().await.ok_or(Refusal::NoSession)?;
        check_admission(&claims, &session)
    }

    async fn session(&self) -> Option<Arc<Assignment>> {
        let mut session = self.session.clone();
        let known = session.borrow().clone();
        if known.is_some() {
            return known;
        }
        self.backend.ask_for_session();
        let told = tokio::time::timeout(ASSIGNMENT_TIME_MAX, session.wait_for(Option::is_some)).await;
        told.ok()?.ok()?.clone()
    }

    fn refusal(&self, headers: &HeaderMap, any_origin: bool) -> Option<String> {
        if !any_origin && let Some(refusal) = cors::refusal(&self.allowed_origins, headers) {
            return Some(refusal);
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
        let known = self.names.is_empty() || self.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        (!known).then(|| format!("this host is not called {name:?}; accepted are {}", self.names.join(", ")))
    }
}
