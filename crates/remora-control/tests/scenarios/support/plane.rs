//! A control plane behind real sockets, with a simulated fleet and a clock that the test advances.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use remora_control::{
    Account, Asset, Authority, Bell, Clock, Config, ControlPlane, DiskProbe, Guard, HostSecrets, Identities, KeyHash,
    LaunchPlan, LocalPlacement, LocalSignIn, ManualClock, OfferedModel, OfferedModels, Parts, PortalOptions, Register,
    SimulatedFleet, Store, Tokens, new_account_id, new_key, new_private_key_pem, serve_connections,
};
use remora_protocol::link::{HostAddress, HostReport, HostSpec, HostState, Media};
use remora_protocol::origins::Origins;
use remora_protocol::token::Role;
use remora_session::{AccountId, Owner, Person, PersonId, Policy, SessionKey, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::{self, Answer};
use super::{contract, look_again, postgres, within};

/// 2024-05-02T11:24:13.847+00:00
pub(crate) const START: Timestamp = Timestamp::from_milliseconds(1_714_649_053_847);
pub(crate) const PAGE_SIZE: u32 = 2;
/// The origin of a page that every host is told to admit.
pub(crate) const OWN_ORIGIN: &str = "http://localhost:8080";
pub(crate) const SECRET: &str = "the secret of this start";

/// A shared key, because making one takes a second.
static KEY_PEM: LazyLock<String> = LazyLock::new(|| new_private_key_pem().unwrap());

pub(crate) struct Plane {
    pub account: AccountId,
    pub key: String,
    config: Arc<Config>,
    pub fleet: Arc<SimulatedFleet>,
    pub hand: ManualClock,
    pub clock: Clock,
    pub tokens: Arc<Tokens>,
    pub token: String,
    pub store: Arc<Store>,
    bell: Bell,
    control_plane: Arc<ControlPlane>,
    address: SocketAddr,
    loopback: SocketAddr,
    listeners: [JoinHandle<()>; 2],
    reconciling: JoinHandle<()>,
    closing: watch::Sender<bool>,
    directory: Option<TempDir>,
}

impl Plane {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// Starts a control plane with pages of [`PAGE_SIZE`].
    pub(crate) async fn start_with(mut config: Config) -> Self {
        config.sessions.page_size = PAGE_SIZE;
        config.store.url = postgres::database_of_scenarios().await;
        Self::start_in(tempfile::tempdir().unwrap(), Arc::new(config), None).await
    }

    async fn start_in(directory: TempDir, config: Arc<Config>, before: Option<Self>) -> Self {
        let path = directory.path().to_owned();
        let (clock, hand) = match &before {
            Some(before) => (before.clock.clone(), before.hand.clone()),
            None => Clock::manual(START),
        };
        let store: Arc<Store> = Arc::new(Store::open(&config.store, &path).await.unwrap());
        let tokens = Arc::new(Tokens::new(&KEY_PEM).unwrap());
        let (account, key) = match &before {
            Some(before) => (before.account.clone(), before.key.clone()),
            None => (new_account_id(), new_key()),
        };
        let stored =
            Account { id: account.clone(), name: "test".into(), created_at: START, keys: vec![KeyHash::of(&key)] };
        store.insert_account(&stored).await.unwrap();
        let placement = Arc::new(placement(&path));
        let (bell, fleet) = match before {
            Some(before) => (before.bell.clone(), before.fleet.clone()),
            None => {
                let bell = Bell::default();
                (bell.clone(), Arc::new(SimulatedFleet::new(placement.clone(), clock.clone(), bell)))
            }
        };
        let (public, loopback) = (bind().await, bind().await);
        let (address, loopback_address) = (public.local_addr().unwrap(), loopback.local_addr().unwrap());
        let guard = Guard { port: loopback_address.port() };
        let own_origins = Origins::parse([OWN_ORIGIN.to_owned()].into_iter().chain(guard.origins())).unwrap();
        let policy = policy(clock.now());
        let plan = LaunchPlan {
            control_ca_pem: placement.authority.certificate_pem().to_owned(),
            token_public_key_pem: tokens.public_key_pem().to_owned(),
            allowed_origins: config.listen.origins.clone().and(&own_origins),
            model_addresses: vec![],
            start_max: policy.start_max,
            config: config.clone(),
            secrets: Arc::new(HostSecrets::new(&[7; 32])),
            provisioner: fleet.clone(),
        };
        let control_plane = Arc::new(ControlPlane::new(Parts {
            store: store.clone(),
            fleet: fleet.clone(),
            placement,
            clock: clock.clone(),
            bell: bell.clone(),
            config: config.clone(),
            policy,
            tokens: tokens.clone(),
            identities: Arc::new(Identities::new(&config.identities, &clock).unwrap()),
            plan,
            disk: Arc::new(DiskProbe::new(&path, clock.clone())),
        }));

        let (closing, closed) = watch::channel(false);
        let portal = PortalOptions {
            assets: Arc::new(asset),
            models: Arc::new(OfferedModels {
                default_model: "builtin://Engine".into(),
                models: vec![OfferedModel {
                    uri: "builtin://Engine".into(),
                    label: "Engine".into(),
                    triangles: Some(5),
                }],
            }),
        };
        let sign_in = LocalSignIn { account: account.clone(), secret: SECRET.into() };
        let public_router =
            control_plane.public_router("https://localhost:8443", config.listen.portal.then_some(&portal));
        let loopback_router = control_plane.loopback_router(guard, &portal, sign_in);
        let listeners = [
            tokio::spawn(serve_connections(public, None, public_router, closed.clone())),
            tokio::spawn(serve_connections(loopback, None, loopback_router, closed)),
        ];
        let reconciling = tokio::spawn({
            let control_plane = control_plane.clone();
            async move { match control_plane.reconciler().run().await {} }
        });
        let token = tokens.issue(&account, Role::Administrator, clock.now());
        Self {
            account,
            key,
            config,
            fleet,
            hand,
            clock,
            tokens,
            token,
            store,
            bell,
            control_plane,
            address,
            loopback: loopback_address,
            listeners,
            reconciling,
            closing,
            directory: Some(directory),
        }
    }

    /// Ends the control plane as a crash does, and starts another one on the same store. The fleet continues.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let config = Config::clone(&self.config);
        self.crash_and_restart_with(config).await
    }

    /// Does the same, with a changed configuration.
    pub(crate) async fn crash_and_restart_with(mut self, mut config: Config) -> Self {
        config.sessions.page_size = PAGE_SIZE;
        self.abort();
        self.store.close().await;
        let directory = self.directory.take().expect("taken here only");
        Self::start_in(directory, Arc::new(config), Some(self)).await
    }

    /// Opens the register of accounts as the command line does, beside the control plane and on the same database.
    pub(crate) async fn register(&self) -> Register {
        Register::open(&self.config.store, self.directory()).await.unwrap()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.as_ref().expect("taken by a restart only").path()
    }

    /// Ends the reconcile loop, so that the test sees decisions before they are carried out.
    pub(crate) async fn without_loop(mut self) -> Self {
        self.reconciling.abort();
        let _ = (&mut self.reconciling).await;
        self
    }

    /// Runs one pass of the loop. Returns when the next one is due.
    pub(crate) async fn pass(&self) -> Option<Timestamp> {
        self.control_plane.reconciler().pass(false).await.unwrap()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.control_plane.reconciler().policy
    }

    fn abort(&self) {
        self.reconciling.abort();
        self.listeners.iter().for_each(JoinHandle::abort);
    }

    /// Sends an authorised request. The target is relative to the account's path.
    pub(crate) async fn call(&self, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        self.send(method, &self.path(target), &[("Authorization", &authorization)], body).await
    }

    /// Returns a token of a person in the account, as the token service issues it.
    pub(crate) fn token_of(&self, subject: &str, role: Role) -> String {
        let id = PersonId::new("https://login.example", subject).unwrap();
        let owner = Owner::Person(Person::new(id, &format!("Name of {subject}")));
        self.tokens.issue_to(&owner, &self.account, role, self.clock.now())
    }

    /// Sends a request with another token.
    pub(crate) async fn call_with(&self, token: &str, method: &str, target: &str, body: &str) -> Answer {
        self.send(method, &self.path(target), &[("Authorization", &format!("Bearer {token}"))], body).await
    }

    /// Returns the path with the API version of most scenarios.
    pub(crate) fn path(&self, target: &str) -> String {
        let separator = if target.contains('?') { '&' } else { '?' };
        format!("/accounts/{}{target}{separator}api-version=2021-01-01", self.account)
    }

    /// Sends a request as given, and checks the answer against the API's documents.
    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = http::tcp(self.address).await;
        let answer = http::send(stream, &self.address.to_string(), method, target, headers, body).await;
        contract::check(method, target, &answer);
        answer
    }

    /// Sends a request that is not in the documents, such as a preflight.
    pub(crate) async fn send_unchecked(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        http::send(http::tcp(self.address).await, &self.address.to_string(), method, target, headers, "").await
    }

    pub(crate) async fn send_raw(&self, request: &[u8]) -> Answer {
        http::raw(http::tcp(self.address).await, request).await
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn loopback_port(&self) -> u16 {
        self.loopback.port()
    }

    /// Sends a request to the listener for browsers on this machine.
    pub(crate) async fn send_to_loopback(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        http::send(http::tcp(self.loopback).await, &self.loopback.to_string(), method, target, headers, body).await
    }

    pub(crate) async fn create(&self, id: &str, minutes: u32) -> HostSpec {
        let body = format!(r#"{{"maxLeaseTimeMinutes":{minutes},"size":"Standard"}}"#);
        let answer = self.call("PUT", &format!("/sessions/{id}"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        within("the launch of a host", self.fleet.launched()).await
    }

    /// Creates a session of four minutes whose host is not launched, because the loop does not run.
    pub(crate) async fn create_unlaunched(&self, id: &str) -> HostSpec {
        let answer =
            self.call("PUT", &format!("/sessions/{id}"), r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.host_of(id).await
    }

    /// Returns the specification of the session's host.
    pub(crate) async fn host_of(&self, id: &str) -> HostSpec {
        let key = SessionKey { account: self.account.clone(), session: id.parse().unwrap() };
        let session = self.store.session(&key).await.unwrap().unwrap().session;
        let host = session.phase.host().expect("a new session has a host");
        self.control_plane.reconciler().plan.for_session(&session, host)
    }

    pub(crate) async fn create_ready(&self, id: &str, minutes: u32) -> HostSpec {
        let host = self.create(id, minutes).await;
        let answer = self.report(&host, ready()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        host
    }

    /// Reports as a host does, and hands the order to the simulated host.
    pub(crate) async fn report(&self, host: &HostSpec, state: HostState) -> Answer {
        self.report_of(host, state, None).await
    }

    /// Sends a report of a host that knows this session to be its own.
    pub(crate) async fn report_of(&self, host: &HostSpec, state: HostState, session_id: Option<String>) -> Answer {
        let report = HostReport { state, connected_clients: 0, session_id };
        let body = serde_json::to_string(&report).unwrap();
        let authorization = format!("Bearer {}", host.secret);
        let target = format!("/hosts/{}/report", host.host_id);
        let id = host.host_id.parse().unwrap();
        let answer = self.send("POST", &target, &[("Authorization", &authorization)], &body).await;
        // A report without the host's secret is not the host's.
        if answer.status != 401 {
            self.fleet.reports(&id, &report.state);
        }
        match answer.status {
            200 => self.fleet.answers(&id, Some(&serde_json::from_str(&answer.body).unwrap())),
            404 => self.fleet.answers(&id, None),
            _ => {}
        }
        answer
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        let answer = self.call("GET", &format!("/sessions/{id}"), "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["status"].as_str().unwrap().to_owned()
    }

    /// Waits until the session has that status.
    pub(crate) async fn becomes(&self, id: &str, status: &str) {
        within(&format!("{id} becoming {status}"), async {
            while self.status(id).await != status {
                look_again().await;
            }
        })
        .await;
    }

    /// Advances the time while the host keeps reporting.
    pub(crate) async fn pass_with_reports(&self, host: &HostSpec, duration: Duration) {
        let step = Duration::from_secs(5);
        let mut left = duration;
        while !left.is_zero() {
            let now = left.min(step);
            self.hand.advance(now);
            left -= now;
            self.report(host, ready()).await;
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.abort();
    }
}

pub(crate) fn policy(listening_since: Timestamp) -> Policy {
    Policy {
        start_max: Duration::from_secs(30),
        attempts_max: 2,
        retry_pause: Duration::from_millis(500),
        silence_max: Duration::from_secs(10),
        farewell: Duration::from_secs(1),
        lease_tolerance: Duration::from_millis(500),
        capacity_wait: Duration::from_secs(20),
        keep_ended: Duration::from_hours(30 * 24),
        listening_since,
    }
}

pub(crate) fn ready() -> HostState {
    HostState::Ready(HostAddress { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 })
}

fn placement(directory: &Path) -> LocalPlacement {
    LocalPlacement {
        control_urls: vec!["https://localhost:8443".into()],
        hostname: "localhost".into(),
        names: vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
        listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        media: Media::default(),
        model_files: vec![],
        cache_directory: None,
        authority: Arc::new(Authority::open(directory, START).unwrap()),
        operators_certificate: None,
    }
}

fn asset(name: &str) -> Option<Asset> {
    let (content_type, bytes): (&str, &'static [u8]) = match name {
        "index.html" => ("text/html", b"<!doctype html>"),
        "assets/app-1234.js" => ("text/javascript", b"start()"),
        "assets/app-1234.js.br" => ("application/octet-stream", b"start() in Brotli"),
        "assets/app-1234.js.gz" => ("application/octet-stream", b"start() in gzip"),
        _ => return None,
    };
    Some(Asset { content_type: content_type.to_owned(), bytes: bytes.into() })
}

/// Opens a listener on a free port of this machine.
async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
