//! A control plane without a reconcile loop and its sessions: some live, the rest ended long ago.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use remora_control::{
    Account, Authority, Bell, Clock, Config, ControlPlane, DiskProbe, HostSecrets, Identities, LaunchPlan,
    LocalPlacement, Parts, Rate, SimulatedFleet, Store, Tokens, new_account_id, new_private_key_pem, serve_connections,
};
use remora_protocol::token::Role;
use remora_session::AccountId;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clients::{Ask, Client, measure};

const LIVE: usize = 500;
const BODY: &str = r#"{"maxLeaseTimeMinutes":60,"size":"Standard"}"#;

pub(crate) struct Plane {
    pub address: SocketAddr,
    account: AccountId,
    token: String,
    database: Database,
    created: AtomicUsize,
    _closing: watch::Sender<bool>,
}

enum Database {
    File(PathBuf),
    Server(String),
}

pub(crate) fn ended_id(number: usize) -> String {
    format!("ended-{}", number + 1)
}

impl Plane {
    pub(crate) async fn start(directory: &Path, url: Option<String>) -> Self {
        let mut config = Config::default();
        config.store.url.clone_from(&url);
        let unlimited = Rate { per_second: 1_000_000, burst: 1_000_000 };
        (config.limits.reads, config.limits.writes) = (unlimited, unlimited);
        config.sessions.live_per_account_max = None;
        let config = Arc::new(config);
        let (clock, bell) = (Clock::system(), Bell::default());
        let store: Arc<Store> = Arc::new(Store::open(&config.store, directory).await.expect("a new database"));
        let account = new_account_id();
        let created_at = clock.now();
        let stored = Account { id: account.clone(), name: "bench".into(), created_at, keys: vec![] };
        store.insert_account(&stored).await.expect("it is new");
        let tokens = Arc::new(Tokens::new(&new_private_key_pem().expect("a key")).expect("a key"));
        let policy = config.policy(clock.now());
        let placement = Arc::new(LocalPlacement {
            control_urls: vec!["https://localhost:8443".into()],
            hostname: "localhost".into(),
            names: vec!["localhost".into()],
            listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            media: Default::default(),
            model_files: vec![],
            cache_directory: None,
            authority: Arc::new(Authority::open(directory, clock.now()).expect("a new directory")),
            operators_certificate: None,
        });
        let fleet = Arc::new(SimulatedFleet::new(placement.clone(), clock.clone(), bell.clone()));
        let plan = LaunchPlan {
            control_ca_pem: placement.authority.certificate_pem().to_owned(),
            token_public_key_pem: tokens.public_key_pem().to_owned(),
            allowed_origins: Default::default(),
            model_addresses: vec![],
            start_max: policy.start_max,
            config: config.clone(),
            secrets: Arc::new(HostSecrets::new(&[7; 32])),
            provisioner: fleet.clone(),
        };
        let token = tokens.issue(&account, Role::Administrator, clock.now());
        let disk = Arc::new(DiskProbe::new(directory, clock.clone()));
        let control_plane = ControlPlane::new(Parts {
            store,
            fleet,
            placement,
            identities: Arc::new(Identities::new(&config.identities, &clock).expect("there are none")),
            clock,
            bell,
            config,
            policy,
            tokens,
            plan,
            disk,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (closing, closed) = watch::channel(false);
        tokio::spawn(serve_connections(
            listener,
            None,
            control_plane.public_router("https://localhost:8443", None),
            closed,
        ));
        let database = url.map_or_else(|| Database::File(directory.join("remora.db")), Database::Server);
        Self { address, account, token, database, created: AtomicUsize::new(0), _closing: closing }
    }

    fn ask(&self, method: &str, target: &str, body: &str, status: u16) -> Ask {
        let Self { address, account, token, .. } = self;
        let length = body.len();
        let request = format!(
            "{method} /accounts/{account}{target}?api-version=2021-01-01 HTTP/1.1\r\nHost: {address}\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Ask { request, status }
    }

    pub(crate) fn get(&self, id: &str) -> Ask {
        self.ask("GET", &format!("/sessions/{id}"), "", 200)
    }

    pub(crate) fn list(&self) -> Ask {
        self.ask("GET", "/sessions", "", 200)
    }

    pub(crate) fn create(&self) -> Ask {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        self.ask("PUT", &format!("/sessions/created-{number}"), BODY, 201)
    }

    pub(crate) async fn get_once(&self, id: &str) -> Vec<u8> {
        let Ask { request, status } = self.get(id);
        Client::connect(self.address).await.exchange(request.as_bytes(), status).await.to_vec()
    }

    /// Creates sessions that live as long as the benchmark runs and returns their ids.
    pub(crate) async fn fill_live(&self) -> Vec<String> {
        let ids: Vec<String> = (0..LIVE + LIVE / 10).map(|number| format!("live-{number}")).collect();
        let create = |number: usize| self.ask("PUT", &format!("/sessions/{}", ids[number]), BODY, 201);
        measure(16, LIVE, self.address, create).await;
        ids
    }

    /// Copies one ended session until that many are stored. Returns the number of copies.
    pub(crate) async fn fill_to(&self, stored: usize) -> usize {
        let mut connection = self.connect().await;
        let ended = stored - LIVE;
        let present: i64 = sqlx::query_scalar("SELECT count(*) FROM session WHERE id LIKE 'ended-%'")
            .fetch_one(&mut connection)
            .await
            .expect("the table is there");
        let Ask { request, status } = self.ask("PUT", &format!("/sessions/template-{stored}"), BODY, 201);
        let mut client = Client::connect(self.address).await;
        client.exchange(request.as_bytes(), status).await;
        let Ask { request, status } = self.ask("POST", &format!("/sessions/template-{stored}/:stop"), "", 204);
        client.exchange(request.as_bytes(), status).await;
        // The state after the hosts have been destroyed.
        let copy = "WITH RECURSIVE copy (number) AS (SELECT $1 UNION ALL SELECT number + 1 FROM copy \
                    WHERE number < $2) \
                    INSERT INTO session (account, id, generation, size, lease_minutes, created_at, changed_at, models, \
                    phase, host, occupies, live, ready_at, wake_at) SELECT account, 'ended-' || number, generation, \
                    size, lease_minutes, created_at, changed_at, models, \
                    replace(phase, '\"host\":\"' || host || '\"', '\"host\":null'), NULL, 0, 0, NULL, \
                    changed_at + 2592000000 FROM session, copy WHERE id = $3";
        sqlx::query(copy)
            .bind(present + 1)
            .bind(i64::try_from(ended).expect("a million"))
            .bind(format!("template-{stored}"))
            .execute(&mut connection)
            .await
            .expect("no copy is there yet");
        ended
    }

    /// Ends the created sessions, so that lists keep their length.
    pub(crate) async fn end_created(&self) {
        sqlx::query("DELETE FROM session WHERE id LIKE 'created-%'")
            .execute(&mut self.connect().await)
            .await
            .expect("the table is there");
    }

    async fn connect(&self) -> AnyConnection {
        let url = match &self.database {
            Database::File(path) => format!("sqlite://{}", path.display()),
            Database::Server(url) => url.clone(),
        };
        let options: AnyConnectOptions = url.parse().expect("it has been used before");
        options.disable_statement_logging().connect().await.expect("it has been used before")
    }
}
