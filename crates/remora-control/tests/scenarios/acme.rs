//! A certificate of a public authority: obtained, shared, renewed, and replaced if it is lost.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use remora_control::{
    Acme, Authority, Certificates, Clock, Config, CurrentCertificate, ManualClock, ServerCertificate,
    serve_connections, tls_acceptor,
};
use remora_session::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::pebble::Pebble;
use crate::support::{http, look_again, within};

const NAME: &str = "remora.example.test";
const DAY: Duration = Duration::from_hours(24);
const CERTIFICATE_LIFE: Duration = Duration::from_hours(2160);

/// A listener with the certificates of a control plane.
struct Service {
    address: SocketAddr,
    current: Arc<CurrentCertificate>,
    local: ServerCertificate,
    local_ca: String,
    hand: ManualClock,
    _closing: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

fn config(pebble: &Pebble) -> Config {
    let text = format!(
        "[acme]\ndirectory_url = '{}'\nterms_agreed = true\ncontact = ['mailto:admin@example.test']\nca_file = '{}'\n\
         [listen]\nname = '{NAME}'\n",
        pebble.directory_url,
        pebble.ca_file.display()
    );
    let config = Config::parse(&text).unwrap();
    config.check().unwrap();
    config
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_milliseconds(u64::try_from(now.as_millis()).unwrap())
}

impl Service {
    fn start(data: &Path, listener: TcpListener, pebble: &Pebble) -> Self {
        let (clock, hand) = Clock::manual(now());
        let authority = Authority::open(data, clock.now()).unwrap();
        let local = authority.issue(&[NAME.to_owned()], CERTIFICATE_LIFE, clock.now()).unwrap();
        let acme = Acme::open(&config(pebble).acme, Some(NAME), data, local.clone(), clock.clone()).unwrap().unwrap();
        let current = acme.current();
        let shown = CurrentCertificate::new(local.clone()).unwrap();
        let certificates = Certificates {
            local: shown.clone(),
            operators: Some(current.clone()),
            challenges: Some(acme.challenges()),
        };
        let acceptor = tls_acceptor(certificates).unwrap();
        let (closing, closed) = watch::channel(false);
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "yes" }));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_connections(listener, Some(acceptor), router, closed));
        tasks.spawn(acme.keep_current(shown));
        let local_ca = authority.certificate_pem().to_owned();
        Self { address, current, local, local_ca, hand, _closing: closing, _tasks: tasks }
    }

    fn is_local(&self) -> bool {
        self.current.pem() == self.local
    }

    /// Waits for a certificate that differs from `before`.
    async fn replaced(&self, before: &ServerCertificate) -> ServerCertificate {
        within("another certificate", async {
            loop {
                let current = self.current.pem();
                if current != *before {
                    return current;
                }
                look_again().await;
            }
        })
        .await
    }

    /// Connects by name, trusting only the authority that has signed the certificate.
    async fn is_shown(&self, certificate: &ServerCertificate) {
        let begin = certificate.certificate_pem.rfind("-----BEGIN CERTIFICATE-----").unwrap();
        let issuer = &certificate.certificate_pem[begin..];
        let stream = http::tls(self.address, NAME, issuer).await;
        assert_eq!(http::send(stream, NAME, "GET", "/", &[], "").await.body, "yes");
    }
}

async fn failure_on_record(data: &Path) -> PathBuf {
    let failures = data.join("acme/failures.json");
    within("a failure on record", async {
        while !failures.exists() {
            look_again().await;
        }
    })
    .await;
    failures
}

#[tokio::test]
async fn a_certificate_is_obtained_shared_renewed_and_replaced_by_the_local_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(pebble) = Pebble::start(&directory.path().join("pebble"), now(), port, CERTIFICATE_LIFE).await else {
        return;
    };
    let service = Service::start(&data, listener, &pebble);
    let local = service.local.clone();
    let first = service.replaced(&local).await;
    service.is_shown(&first).await;
    for file in ["account.json", "certificate.json"] {
        let mode = std::fs::metadata(data.join("acme").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let challenges = std::fs::read_dir(data.join("acme")).unwrap().flatten();
    let open = challenges.filter(|file| file.file_name().to_string_lossy().starts_with("challenge")).count();
    assert_eq!(open, 0, "a challenge is still open");

    // Another control plane on the same directory uses the same certificate without ordering one.
    let neighbour = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let neighbour = Service::start(&data, neighbour, &pebble);
    assert_eq!(neighbour.current.pem(), first);
    neighbour.is_shown(&first).await;

    // A third of the life is left. The clock of the other control plane stands still; it uses the renewed certificate.
    service.hand.advance(CERTIFICATE_LIFE * 2 / 3 + DAY);
    let second = service.replaced(&first).await;
    service.is_shown(&second).await;
    neighbour.hand.advance(DAY);
    assert_eq!(neighbour.replaced(&first).await, second);
    assert_eq!(std::fs::read_dir(data.join("acme")).unwrap().count(), 3, "account, certificate, lock");

    // Without an authority the certificate is used until it expires, and then the local CA's.
    drop(pebble);
    service.hand.advance(DAY);
    failure_on_record(&data).await;
    assert_eq!(service.current.pem(), second);
    service.hand.advance(CERTIFICATE_LIFE);
    assert_eq!(service.replaced(&second).await, local);
}

#[tokio::test]
async fn an_unconfirmed_name_falls_back_to_the_local_authority() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let Some(pebble) = Pebble::start(&directory.path().join("pebble"), now(), port, CERTIFICATE_LIFE).await else {
        return;
    };
    // No server listens there.
    drop(elsewhere);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = Service::start(&data, listener, &pebble);
    let failures = failure_on_record(&data).await;
    assert!(service.is_local());
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&failures).unwrap()).unwrap();
    assert_eq!(record["count"], 1, "{record}");
    let stream = http::tls(service.address, NAME, &service.local_ca).await;
    assert_eq!(http::send(stream, NAME, "GET", "/", &[], "").await.body, "yes");
}
