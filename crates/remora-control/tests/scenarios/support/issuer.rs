//! An OpenID Connect issuer on this machine, with documents that the scenario chooses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use remora_control::{
    Authority, Certificates, Clock, CurrentCertificate, new_private_key_pem, serve_connections, tls_acceptor,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A shared key, because making one takes a second.
static RSA: LazyLock<[String; 2]> = LazyLock::new(|| [(); 2].map(|()| new_private_key_pem().unwrap()));

pub(crate) struct Issuer {
    pub url: String,
    published: Arc<Published>,
    /// Closes the listener when it is dropped.
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

struct Published {
    key_set: Mutex<Answer>,
    configuration: Mutex<Answer>,
    fetched: AtomicUsize,
}

/// Response to a request for a document.
#[derive(Clone)]
pub(crate) enum Answer {
    Body(String),
    Status(u16),
    Redirect(String),
    Silence,
}

/// A signing key and its published id.
#[derive(Clone)]
pub(crate) struct Key {
    pub id: &'static str,
    pub algorithm: Algorithm,
    signing: EncodingKey,
}

impl Key {
    pub(crate) fn rsa(id: &'static str, algorithm: Algorithm) -> Self {
        Self { id, algorithm, signing: EncodingKey::from_rsa_pem(RSA[0].as_bytes()).unwrap() }
    }

    /// Returns a different key than [`rsa`](Self::rsa).
    pub(crate) fn other_rsa(id: &'static str) -> Self {
        Self { id, algorithm: Algorithm::RS256, signing: EncodingKey::from_rsa_pem(RSA[1].as_bytes()).unwrap() }
    }

    pub(crate) fn ec(id: &'static str, algorithm: Algorithm) -> Self {
        let curve = match algorithm {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            other => panic!("{other:?} has no curve"),
        };
        let pem = rcgen::KeyPair::generate_for(curve).unwrap().serialize_pem();
        Self { id, algorithm, signing: EncodingKey::from_ec_pem(pem.as_bytes()).unwrap() }
    }

    pub(crate) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.signing, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_typed("JWT", claims)
    }

    pub(crate) fn sign_typed(&self, typ: &str, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.id.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }
}

pub(crate) fn key_set(keys: &[&Key]) -> Answer {
    Answer::Body(json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() }).to_string())
}

impl Issuer {
    pub(crate) async fn start(keys: &[&Key]) -> Self {
        Self::serve(keys, "http", None).await
    }

    /// Starts with TLS, as `localhost`, with a certificate of that authority.
    pub(crate) async fn start_with_tls(keys: &[&Key], authority: &Authority) -> Self {
        let certificate = authority.issue(&["localhost".to_owned()], Duration::from_hours(1), Clock::system().now());
        let local = CurrentCertificate::new(certificate.unwrap()).unwrap();
        Self::serve(
            keys,
            "https",
            Some(tls_acceptor(Certificates { local, operators: None, challenges: None }).unwrap()),
        )
        .await
    }

    async fn serve(keys: &[&Key], scheme: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        let published = Arc::new(Published {
            key_set: Mutex::new(key_set(keys)),
            configuration: Mutex::new(Answer::Body(configuration_of(&url).to_string())),
            fetched: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(answer))
            .with_state(published.clone());
        let (closing, closed) = watch::channel(false);
        let serving = tokio::spawn(serve_connections(listener, tls, router, closed));
        Self { url, published, closing, serving }
    }

    pub(crate) fn publish(&self, answer: Answer) {
        *self.published.key_set.lock().unwrap() = answer;
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, answer: Answer) {
        *self.published.configuration.lock().unwrap() = answer;
    }

    /// Returns the configuration with one property changed.
    pub(crate) fn configuration_with(&self, property: &str, value: &str) -> String {
        let mut configuration = configuration_of(&self.url);
        configuration[property] = Value::from(value);
        configuration.to_string()
    }

    /// Returns how often the key set was requested.
    pub(crate) fn fetched(&self) -> usize {
        self.published.fetched.load(Ordering::SeqCst)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.serving.abort();
    }
}

fn configuration_of(url: &str) -> Value {
    json!({
        "issuer": url, "jwks_uri": format!("{url}/keys"), "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/oauth/token?tenant=1"),
    })
}

async fn configuration(State(published): State<Arc<Published>>) -> axum::response::Response {
    let answer = published.configuration.lock().unwrap().clone();
    answered(answer).await
}

async fn answer(State(published): State<Arc<Published>>) -> axum::response::Response {
    published.fetched.fetch_add(1, Ordering::SeqCst);
    let answer = published.key_set.lock().unwrap().clone();
    answered(answer).await
}

async fn answered(answer: Answer) -> axum::response::Response {
    match answer {
        Answer::Body(body) => body.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => (StatusCode::FOUND, [(http::header::LOCATION, to)]).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
