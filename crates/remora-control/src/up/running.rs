//! A control plane in operation: what it consists of, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use remora_session::Policy;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::data_directory::{DataDirectory, LocalAccount};
use super::models::Models;
use super::place::Place;
use super::routers::Parts;
use super::{Connection, UpError, UpOptions, connection};
use crate::account::{Account, KeyHash};
use crate::authority::Authority;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::host_secrets::HostSecrets;
use crate::launch::LaunchPlan;
use crate::portal::Pages;
use crate::portal::sign_in::SignIn;
use crate::provision::{ProcessFleet, Provisioner};
use crate::reconcile::Reconciler;
use crate::sessions::Sessions;
use crate::store::{SqliteStore, Store};
use crate::tls::{self, CurrentCertificate};
use crate::{listen, random};

/// The rest of the five seconds that a stop may take is for the listeners and the store.
const DRAIN_MAX: Duration = Duration::from_secs(4);
const CERTIFICATE_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Long before the certificate ends; it is also renewed at every start.
const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) struct Running {
    connection: Connection,
    directory: DataDirectory,
    clock: Clock,
    store: Arc<dyn Store>,
    reconciler: Arc<Reconciler>,
    closing: watch::Sender<bool>,
    listeners: [JoinHandle<()>; 2],
    certificates: JoinHandle<()>,
}

impl Running {
    pub async fn start(options: UpOptions) -> Result<Self, UpError> {
        if !options.http.ip().is_loopback() {
            return Err(UpError::NotLoopback { address: options.http });
        }
        let models = Models::new(&options.models)?;
        let https = bind("--https", options.https, &options.data_directory).await?;
        let http = bind("--http", options.http, &options.data_directory).await?;
        let place = Place::new(local_address(&https), local_address(&http));
        let directory = DataDirectory::open(&options.data_directory)?;
        connection::remove(directory.path())?;

        let clock = Clock::system();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&directory.path().join("remora.db")).await?);
        let tokens = Arc::new(directory.tokens()?);
        let secrets = Arc::new(HostSecrets::new(&directory.host_key()?));
        let account = directory.account()?;
        let authority = Arc::new(Authority::open(directory.path(), clock.now())?);
        open_account(&*store, &account, &clock).await?;

        let (bell, policy) = (Bell::default(), policy(&clock));
        let sessions = Arc::new(Sessions::new(store.clone(), clock.clone(), policy.clone(), bell.clone()));
        let hosts = directory.path().join("hosts");
        let fleet: Arc<dyn Provisioner> =
            Arc::new(ProcessFleet::open(&hosts, options.host_command.clone(), clock.clone(), bell.clone())?);
        let plan = LaunchPlan {
            control_url: place.endpoint.clone(),
            hostname: place.hostname.clone(),
            listen_address: place.listen_address,
            token_public_key_pem: tokens.public_key_pem().to_owned(),
            allowed_origins: place.guard.origins(),
            model_files: models.files,
            start_max: policy.start_max,
            secrets: secrets.clone(),
            authority: authority.clone(),
        };
        let reconciler = Arc::new(Reconciler {
            store: store.clone(),
            sessions: sessions.clone(),
            fleet,
            plan,
            policy,
            clock: clock.clone(),
            bell,
        });

        let secret = random::secret();
        let sign_in = SignIn {
            account: account.id.clone(),
            secret: secret.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            models: models.offered.into(),
            default_model: models.default_uri,
        };
        let parts = Parts { store: store.clone(), sessions, tokens, secrets, clock: clock.clone() };
        let certificate = authority.issue(&place.names, CERTIFICATE_LIFE, clock.now())?;
        let certificate = CurrentCertificate::new(&certificate)?;
        let acceptor = tls::acceptor(certificate.clone())?;
        let pages = Pages::new(options.assets.clone(), &place.hostname);
        let (closing, closed) = watch::channel(false);
        let http_router = parts.http_router(&place, pages, sign_in);
        let listeners = [
            tokio::spawn(listen::serve(https, Some(acceptor), parts.https_router(&place), closed.clone())),
            tokio::spawn(listen::serve(http, None, http_router, closed)),
        ];
        let certificates = tokio::spawn(renew(authority.clone(), certificate, place.names.clone(), clock.clone()));
        let connection = Connection {
            endpoint: place.endpoint.clone(),
            sts_endpoint: place.endpoint.clone(),
            account_domain: place.account_domain(),
            portal: format!("http://localhost:{}/#secret={secret}", place.guard.port),
            account_id: account.id.to_string(),
            account_key: account.key,
            ca_file: authority.certificate_path().to_owned(),
        };
        connection::write(directory.path(), &connection)?;
        Ok(Self { connection, directory, clock, store, reconciler, closing, listeners, certificates })
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Hosts and their orders need the listeners, so those close last.
    pub async fn until(self, shutdown: impl Future<Output = ()>) -> Result<(), UpError> {
        tokio::select! {
            () = shutdown => {}
            never = self.reconciler.run() => match never {},
        }
        connection::remove(self.directory.path())?;
        self.certificates.abort();
        if !self.reconciler.drain(self.clock.now() + DRAIN_MAX).await {
            tracing::error!("some render hosts could not be ended");
        }
        self.closing.send_replace(true);
        for listener in self.listeners {
            if let Err(error) = listener.await {
                tracing::error!(%error, "a listener ended badly");
            }
        }
        self.store.close().await?;
        Ok(())
    }
}

/// A socket that is bound. A taken port may mean that the same directory is in use, which is the clearer thing to say.
async fn bind(option: &'static str, address: SocketAddr, data_directory: &Path) -> Result<TcpListener, UpError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if DataDirectory::is_in_use(data_directory) {
                return Err(UpError::DataDirectoryInUse { path: data_directory.to_owned() });
            }
            Err(UpError::PortTaken { option, address })
        }
        Err(source) => Err(UpError::Listen { option, address, source }),
    }
}

fn local_address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}

/// Patience of a single machine: its hosts start within seconds or not at all.
fn policy(clock: &Clock) -> Policy {
    Policy {
        start_max: Duration::from_secs(60),
        attempts_max: 2,
        retry_pause: Duration::from_millis(500),
        silence_max: Duration::from_millis(remora_protocol::link::SILENCE_MILLISECONDS_MAX),
        farewell: Duration::from_millis(1_500),
        lease_tolerance: Duration::from_secs(1),
        listening_since: clock.now(),
    }
}

/// The account of the file is the account of the database, a new or restored one too.
async fn open_account(store: &dyn Store, local: &LocalAccount, clock: &Clock) -> Result<(), UpError> {
    let keys = vec![KeyHash::of(&local.key)];
    store.insert_account(&Account { id: local.id.clone(), created_at: clock.now(), keys }).await?;
    Ok(())
}

async fn renew(authority: Arc<Authority>, current: Arc<CurrentCertificate>, names: Vec<String>, clock: Clock) {
    loop {
        clock.sleep(CERTIFICATE_RENEWAL).await;
        match authority.issue(&names, CERTIFICATE_LIFE, clock.now()) {
            Ok(certificate) => {
                if let Err(error) = current.replace(&certificate) {
                    tracing::error!(%error, "the server certificate could not be replaced");
                }
            }
            Err(error) => tracing::error!(%error, "the server certificate could not be renewed"),
        }
    }
}
