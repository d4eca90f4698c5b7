//! An assembled control plane: the routers and the reconcile loop. The caller, [`up()`](crate::up()) or a test, chooses
//! store, fleet and clock.
//!
//! | | public listener | loopback listener |
//! |---|---|---|
//! | API, token service | yes | yes |
//! | host link | yes | |
//! | `/healthz`, `/readyz` | yes | yes |
//! | `/metrics` | | yes, and on a listener of its own if configured |
//! | portal | yes, unless disabled | yes, behind the guard |
//! | sign-in with the secret of the start | | yes, behind the guard |

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::Response;
use http::StatusCode;
use remora_session::{AccountId, Policy};

use crate::api::conversions::{self, Conversions};
use crate::api::cross_origin;
use crate::api::host_name::HostNames;
use crate::api::ice_servers::{self, IceServers};
use crate::api::limit::{Limited, limit};
use crate::api::observe::{Observer, Route, observe};
use crate::api::probes::{self, Probes};
use crate::api::sts::{self, Sts};
use crate::api::usage::{self, UsageApi};
use crate::api::v2021_01_01::{self, Api};
use crate::api::{common, link, openapi, v1};
use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::Config;
use crate::disk::DiskProbe;
use crate::identity::Identities;
use crate::launch::LaunchPlan;
use crate::limits::Limits;
use crate::machine::{in_url, is_loopback};
use crate::metrics::Metrics;
use crate::portal::configuration::{self, Configuration};
use crate::portal::guard::{self, Guard};
use crate::portal::sign_in::{self, SignIn};
use crate::portal::{self, Pages, PortalOptions};
use crate::provision::{LocalPlacement, Provisioner};
use crate::reconcile::{Pool, Reconciler};
use crate::sessions::Sessions;
use crate::store::Store;
use crate::token::Tokens;

/// Parts of a control plane.
pub struct Parts {
    /// Accounts, sessions and idle hosts.
    pub store: Arc<Store>,
    /// The fleet of hosts.
    pub fleet: Arc<dyn Provisioner>,
    /// How this machine and its hosts are reached.
    pub placement: Arc<LocalPlacement>,
    /// The clock of the control plane.
    pub clock: Clock,
    /// The bell that the fleet rings.
    pub bell: Bell,
    /// Configuration of the operator.
    pub config: Arc<Config>,
    /// Timeouts and limits of sessions.
    pub policy: Policy,
    /// Key pair of access tokens.
    pub tokens: Arc<Tokens>,
    /// Identity providers of the configuration.
    pub identities: Arc<Identities>,
    /// Makes the specifications of hosts.
    pub plan: LaunchPlan,
    /// Checks the data directory.
    pub disk: Arc<DiskProbe>,
}

/// The sign-in by a secret instead of a key, for this machine only.
pub struct LocalSignIn {
    /// Account of the user.
    pub account: AccountId,
    /// The secret, which is part of the URL of the portal.
    pub secret: String,
}

/// A control plane.
pub struct ControlPlane {
    store: Arc<Store>,
    clock: Clock,
    tokens: Arc<Tokens>,
    identities: Arc<Identities>,
    config: Arc<Config>,
    limits: Arc<Limits>,
    sessions: Arc<Sessions>,
    metrics: Metrics,
    reconciler: Reconciler,
    placement: Arc<LocalPlacement>,
    disk: Arc<DiskProbe>,
}

impl ControlPlane {
    /// Assembles a control plane.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, fleet, placement, clock, bell, config, policy, tokens, identities, plan, disk } = parts;
        let metrics = Metrics::default();
        let plan = Arc::new(plan);
        let sessions = Arc::new(Sessions::new(
            store.clone(),
            clock.clone(),
            policy.clone(),
            config.clone(),
            plan.clone(),
            bell.clone(),
            metrics.clone(),
        ));
        let reconciler = Reconciler {
            store: store.clone(),
            sessions: sessions.clone(),
            fleet,
            plan,
            config: config.clone(),
            policy,
            clock: clock.clone(),
            bell,
            pool: Pool::default(),
        };
        let limits = Arc::new(Limits::new(&config.limits, &clock));
        Self { store, clock, tokens, identities, config, limits, sessions, metrics, reconciler, placement, disk }
    }

    /// Returns the reconcile loop, which the caller runs.
    pub fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// Returns the metrics.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the router for clients and hosts. `endpoint` is its base URL.
    pub fn public_router(&self, endpoint: &str, portal: Option<&PortalOptions>) -> Router {
        let link = link::Link { sessions: self.sessions.clone(), secrets: self.reconciler.plan.secrets.clone() };
        let placement = &self.placement;
        let is_named = self.config.listen.name.is_some();
        let others =
            placement.names.iter().filter(|name| !is_named && !is_loopback(name)).map(|name| in_url(name).into_owned());
        let (sts, pages) = (self.sts(), portal.map(|portal| self.pages(portal, &["https"])));
        let mut router = self
            .api(endpoint, HostNames::new(&placement.hostname, others))
            .merge(link::router(link))
            .merge(probes::public(self.probes()))
            .merge(configuration::authority_router(placement.authority.certificate_pem()));
        if let Some(portal) = portal {
            let local_certificate = placement.operators_certificate.is_none();
            router = router.merge(self.configuration(endpoint, portal, false, local_certificate));
        }
        let router =
            router.fallback(move |request: Request| async move { answer_rest(&sts, pages.as_ref(), request).await });
        self.for_pages(router, |router| router)
    }

    /// Returns the router for browsers on this machine.
    pub fn loopback_router(&self, guard: Guard, portal: &PortalOptions, sign_in: LocalSignIn) -> Router {
        let (endpoint, placement) = (format!("http://localhost:{}", guard.port), &self.placement);
        let (tokens, clock, pages, sts) =
            (self.tokens.clone(), self.clock.clone(), self.pages(portal, &["http", "https"]), self.sts());
        let LocalSignIn { account, secret } = sign_in;
        let is_everywhere = placement.listen_address.is_unspecified();
        let sign_in = SignIn { account, secret, tokens, clock, models: portal.models.clone() };
        let router = self
            .api(
                &endpoint,
                HostNames::new(
                    &placement.hostname,
                    guard::NAMES.map(str::to_owned).into_iter().filter(|_| is_everywhere),
                ),
            )
            .merge(self.configuration(&endpoint, portal, true, false))
            .merge(configuration::authority_router(placement.authority.certificate_pem()))
            .merge(sign_in::router(sign_in))
            .merge(probes::all(self.probes()))
            .fallback(move |request: Request| async move { answer_rest(&sts, Some(&pages), request).await });
        self.for_pages(router, |router| router.layer(middleware::from_fn_with_state(guard, guard::admit)))
    }

    /// Wraps a router in the layers that every request passes. `inner` adds layers between them.
    fn for_pages(&self, router: Router, inner: impl FnOnce(Router) -> Router) -> Router {
        let origins = Arc::new(self.reconciler.plan.allowed_origins.clone());
        let admitted = router.layer(middleware::from_fn_with_state(origins.clone(), cross_origin::admit));
        inner(admitted)
            .layer(middleware::from_fn_with_state(self.observer(), observe))
            .layer(middleware::from_fn_with_state(origins, cross_origin::share))
    }

    fn pages(&self, portal: &PortalOptions, schemes: &[&str]) -> Pages {
        let placement = &self.placement;
        let mut hosts: Vec<String> = placement.names.iter().map(|name| in_url(name).into_owned()).collect();
        if !hosts.contains(&placement.hostname) {
            hosts.push(placement.hostname.clone());
        }
        // Content security policies cannot contain an IPv6 address.
        let is_ipv6 = placement.hostname.starts_with('[');
        let others: Vec<String> = schemes.iter().filter(|_| is_ipv6).map(|scheme| format!("{scheme}:")).collect();
        Pages::new(portal.assets.clone(), schemes, &hosts, &others, self.identities.clone())
    }

    fn configuration(&self, endpoint: &str, portal: &PortalOptions, secret: bool, local_certificate: bool) -> Router {
        let (tokens, identities, clock) = (self.tokens.clone(), self.identities.clone(), self.clock.clone());
        let (endpoint, portal) = (endpoint.into(), portal.clone());
        configuration::router(Configuration { endpoint, secret, local_certificate, tokens, identities, clock, portal })
    }

    /// Returns the router for metrics and probes, which requires no authentication.
    pub fn watchers_router(&self) -> Router {
        probes::all(self.probes())
    }

    fn probes(&self) -> Probes {
        Probes { store: self.store.clone(), metrics: self.metrics.clone(), disk: self.disk.clone() }
    }

    fn observer(&self) -> Observer {
        Observer { metrics: self.metrics.clone(), clock: self.clock.clone() }
    }

    fn api(&self, endpoint: &str, host_names: HostNames) -> Router {
        let endpoint: Arc<str> = endpoint.into();
        let (sessions, tokens, clock) = (self.sessions.clone(), self.tokens.clone(), self.clock.clone());
        let limited = Limited { limits: self.limits.clone(), tokens: tokens.clone(), clock: clock.clone() };
        let conversions = Conversions { tokens: tokens.clone(), clock: clock.clone() };
        let ice_servers = IceServers {
            sessions: sessions.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            config: self.config.clone(),
        };
        let v1 = v1::Api {
            sessions,
            tokens: tokens.clone(),
            clock: clock.clone(),
            host_names: host_names.clone(),
            page_size: self.config.sessions.page_size,
        };
        let usage_api = UsageApi {
            store: self.store.clone(),
            tokens,
            clock,
            private: self.config.sessions.private,
            endpoint: endpoint.clone(),
        };
        let v2021_01_01 = v2021_01_01::router(Api {
            sessions: self.sessions.clone(),
            tokens: self.tokens.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            endpoint,
            host_names,
        });
        let others = v1::router(v1)
            .merge(usage::router(usage_api))
            .merge(ice_servers::router(ice_servers))
            .merge(conversions::router(conversions));
        let limited = |router: Router| router.route_layer(middleware::from_fn_with_state(limited.clone(), limit));
        v2021_01_01::with_versions(limited(v2021_01_01)).merge(limited(others)).merge(openapi::router())
    }

    fn sts(&self) -> Sts {
        let (store, tokens, limits) = (self.store.clone(), self.tokens.clone(), self.limits.clone());
        Sts { store, tokens, limits, identities: self.identities.clone(), clock: self.clock.clone() }
    }
}

/// Answers requests that match no route: the token service, whose path is case-insensitive, and pages.
async fn answer_rest(sts: &Sts, pages: Option<&Pages>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let path = request.uri.path();
    if let Some(account) = Sts::account_in(path) {
        return named(sts::ROUTE, sts.answer(account, &request).await);
    }
    if v1::owns(path) {
        return v1::not_found();
    }
    if v2021_01_01::owns(path) {
        return v2021_01_01::not_found();
    }
    if let Some(pages) = pages
        && let Some(page) = pages.answer(&request).await
    {
        return named(portal::ROUTE, page);
    }
    common::error(StatusCode::NOT_FOUND, "NotFound", "There is nothing under this path.")
}

/// Names the route of a response for the log and the metrics.
fn named(route: &'static str, mut response: Response) -> Response {
    response.extensions_mut().insert(Route(route));
    response
}
