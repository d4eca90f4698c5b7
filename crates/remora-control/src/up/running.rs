//! A control plane in operation: what it consists of, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::data_directory::{DataDirectory, LocalAccount};
use super::models::Models;
use super::place::Place;
use super::{Connection, UpError, UpOptions, connection};
use crate::account::{Account, KeyHash};
use crate::authority::Authority;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::control_plane::{ControlPlane, Parts, PortalOptions};
use crate::host_secrets::HostSecrets;
use crate::launch::LaunchPlan;
use crate::provision::ProcessFleet;
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
    control_plane: ControlPlane,
    closing: watch::Sender<bool>,
    /// Like `renewal`, ended with this value, however that ends.
    listeners: JoinSet<()>,
    renewal: JoinSet<()>,
}

impl Running {
    pub async fn start(options: UpOptions) -> Result<Self, UpError> {
        let UpOptions { data_directory, https, http, models, engine_triangles, assets, host_command, config } = options;
        if !http.ip().is_loopback() {
            return Err(UpError::NotLoopback { address: http });
        }
        let models = Models::new(&models, engine_triangles)?;
        let https = bind("--https", https, &data_directory).await?;
        let http = bind("--http", http, &data_directory).await?;
        let place = Place::new(local_address(&https), local_address(&http));
        let directory = DataDirectory::open(&data_directory)?;
        connection::remove(directory.path())?;

        let (clock, bell) = (Clock::system(), Bell::default());
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&directory.path().join("remora.db")).await?);
        let tokens = Arc::new(directory.tokens()?);
        let authority = Arc::new(Authority::open(directory.path(), clock.now())?);
        let account = directory.account()?;
        open_account(&*store, &account, &clock).await?;
        let hosts = directory.path().join("hosts");
        let fleet = Arc::new(ProcessFleet::open(&hosts, host_command, clock.clone(), bell.clone())?);
        let config = Arc::new(config);
        let policy = config.policy(clock.now());
        let plan = LaunchPlan {
            control_url: place.endpoint.clone(),
            hostname: place.hostname.clone(),
            listen_address: place.listen_address,
            token_public_key_pem: tokens.public_key_pem().to_owned(),
            allowed_origins: place.guard.origins(),
            model_files: models.files,
            start_max: policy.start_max,
            secrets: Arc::new(HostSecrets::new(&directory.host_key()?)),
            authority: authority.clone(),
        };
        let control_plane = ControlPlane::new(Parts {
            store: store.clone(),
            fleet,
            clock: clock.clone(),
            bell,
            config,
            policy,
            tokens,
            plan,
        });

        let certificate = CurrentCertificate::new(&authority.issue(&place.names, CERTIFICATE_LIFE, clock.now())?)?;
        let acceptor = tls::acceptor(certificate.clone())?;
        let secret = random::secret();
        let portal = PortalOptions {
            assets,
            account: account.id.clone(),
            secret: secret.clone(),
            models: models.offered,
            default_model: models.default_uri,
        };
        let public = control_plane.public_router(&place.endpoint);
        let loopback = control_plane.loopback_router(place.guard, portal);
        let (closing, closed) = watch::channel(false);
        let mut listeners = JoinSet::new();
        listeners.spawn(listen::serve(https, Some(acceptor), public, closed.clone()));
        listeners.spawn(listen::serve(http, None, loopback, closed));
        let connection = Connection {
            endpoint: place.endpoint.clone(),
            sts_endpoint: place.endpoint.clone(),
            account_domain: place.account_domain(),
            portal: format!("http://localhost:{}/#secret={secret}", place.guard.port),
            account_id: account.id.to_string(),
            account_key: account.key,
            ca_file: authority.certificate_path().to_owned(),
        };
        let mut renewal = JoinSet::new();
        renewal.spawn(renew(authority, certificate, place.names, clock.clone()));
        connection::write(directory.path(), &connection)?;
        Ok(Self { connection, directory, clock, store, control_plane, closing, listeners, renewal })
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Hosts hear their orders through the listeners, so those close last.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), UpError> {
        let reconciler = self.control_plane.reconciler();
        tokio::select! {
            () = shutdown => {}
            never = reconciler.run() => match never {},
        }
        connection::remove(self.directory.path())?;
        self.renewal.shutdown().await;
        if !reconciler.drain(self.clock.now() + DRAIN_MAX).await {
            tracing::error!("some render hosts could not be ended");
        }
        self.closing.send_replace(true);
        while let Some(ended) = self.listeners.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener ended badly");
            }
        }
        self.store.close().await?;
        Ok(())
    }
}

/// A taken port may mean that the same directory is in use, which is the clearer thing to say.
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

/// The account of the file is an account of the database too, a new or restored one included.
async fn open_account(store: &dyn Store, local: &LocalAccount, clock: &Clock) -> Result<(), UpError> {
    let keys = vec![KeyHash::of(&local.key)];
    store
        .insert_account(&Account { id: local.id.clone(), name: "local".into(), created_at: clock.now(), keys })
        .await?;
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
