//! Metrics of a control plane in the format of Prometheus.
//!
//! ```text
//!   api/observe ──requests──┐
//!   sessions ────changes────┼─▶ Metrics ─▶ text
//!   store ──live sessions───┘
//! ```
//!
//! No label contains an id, a name or an address, so the number of series is bounded and no customer data is exported.
//! Each control plane counts for itself. Several on one database are added up, except for the gauges from the store.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use remora_session::{Ending, Launch, Phase, Session, Size};

use crate::store::{IdleHost, LiveCount};

/// Name of the same metric in the original service.
const ACTIVE_SESSIONS: &str = "ActiveRenderingSessions";
const IDLE_HOSTS: &str = "remora_idle_hosts";
const REQUESTS: &str = "remora_http_requests_total";
const REQUEST_SECONDS: &str = "remora_http_request_duration_seconds";
const START_SECONDS: &str = "remora_session_start_seconds";
const ENDED: &str = "remora_sessions_ended_total";
const HOST_FAILURES: &str = "remora_host_failures_total";
const BUILD_INFO: &str = "remora_build_info";

const REQUEST_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
const START_BUCKETS: [f64; 12] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

/// The metrics of one control plane.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

/// A request that has been answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The route as declared: `/accounts/{account}/sessions`.
    pub route: &'a str,
    /// HTTP method from a fixed set.
    pub method: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Time from the head of the request to the head of the response.
    pub took: Duration,
}

/// The counts that are read from the store for each export.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stock {
    /// Live sessions by size and state.
    pub live: Vec<LiveCount>,
    /// Hosts that wait for a session.
    pub idle: Vec<IdleHost>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [(REQUEST_SECONDS, &REQUEST_BUCKETS), (START_SECONDS, &START_BUCKETS)];
        let recorder = buckets
            .into_iter()
            .fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
                let named = Matcher::Full(name.to_owned());
                builder.set_buckets_for_metric(named, buckets).expect("there are buckets")
            })
            .build_recorder();
        with_local_recorder(&recorder, describe);
        Self { handle: recorder.handle(), recorder: Arc::new(recorder) }
    }
}

impl Metrics {
    /// Counts a request.
    pub(crate) fn answered(&self, Request { route, method, status, took }: Request<'_>) {
        let route = route.to_owned();
        with_local_recorder(&*self.recorder, || {
            counter!(REQUESTS, "route" => route.clone(), "method" => method, "status" => status.to_string())
                .increment(1);
            histogram!(REQUEST_SECONDS, "route" => route, "method" => method).record(took);
        });
    }

    /// Counts a change of a session. The caller is the one that has stored it, so that each change is counted once.
    pub(crate) fn changed(&self, before: &Session, after: &Session) {
        let size = after.size.as_str();
        let failed_in = |state: &'static str| counter!(HOST_FAILURES, "size" => size, "state" => state).increment(1);
        with_local_recorder(&*self.recorder, || match (&before.phase, &after.phase) {
            (Phase::Starting { .. }, Phase::Ready { since, .. }) => {
                histogram!(START_SECONDS, "size" => size).record(since.since(after.created_at));
            }
            (Phase::Starting { .. }, Phase::Restarting { .. }) => failed_in("Starting"),
            (Phase::Ended { .. }, Phase::Ended { .. }) => {}
            (before, Phase::Ended { how, .. }) => {
                let how = match how {
                    Ending::Stopped => "Stopped",
                    Ending::Expired => "Expired",
                    Ending::NoCapacity { .. } | Ending::Failed { .. } => "Error",
                };
                counter!(ENDED, "size" => size, "status" => how).increment(1);
                match before {
                    Phase::Ready { .. } if how == "Error" => failed_in("Ready"),
                    // The host was never launched: the session has waited for capacity in vain.
                    Phase::Starting { launch: Launch::Done { .. }, .. } if how == "Error" => failed_in("Starting"),
                    _ => {}
                }
            }
            _ => {}
        });
    }

    /// Returns all metrics in the exposition format of Prometheus.
    pub(crate) fn render(&self, stock: &Stock) -> String {
        with_local_recorder(&*self.recorder, || {
            for size in Size::ALL {
                for (state, ready) in [("Starting", false), ("Ready", true)] {
                    let of = stock.live.iter().filter(|count| count.size == size && count.ready == ready);
                    let sessions: u64 = of.map(|count| count.sessions).sum();
                    gauge!(ACTIVE_SESSIONS, "size" => size.as_str(), "state" => state).set(sessions as f64);
                }
                let idle = stock.idle.iter().filter(|host| host.size == size).count();
                gauge!(IDLE_HOSTS, "size" => size.as_str()).set(idle as f64);
            }
            gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
        self.handle.render()
    }

    /// Moves recorded values into their histograms. Must be called regularly, because recorded values accumulate until
    /// then.
    pub(crate) fn tidy_up(&self) {
        self.handle.run_upkeep();
    }
}

fn describe() {
    describe_gauge!(ACTIVE_SESSIONS, "Sessions that are Starting or Ready");
    describe_gauge!(IDLE_HOSTS, "Render hosts that wait for a session");
    describe_counter!(REQUESTS, "Answered requests");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "From the head of a request to the head of its response");
    describe_histogram!(START_SECONDS, Unit::Seconds, "From the creation of a session to Ready");
    describe_counter!(ENDED, "Ended sessions; Expired are those whose lease is over");
    describe_counter!(HOST_FAILURES, "Render hosts that failed, by the state of their session");
    describe_gauge!(BUILD_INFO, "Version of Remora");
}

#[cfg(test)]
mod tests {
    use remora_session::{Address, Event, LeaseMinutes, Policy, Reported, SessionKey, Timestamp};

    use super::*;

    const CREATED: Timestamp = Timestamp::from_milliseconds(1_000_000);

    fn session() -> Session {
        let key = SessionKey { account: crate::account::new_account_id(), session: "one".parse().unwrap() };
        let lease = LeaseMinutes::try_from(10).unwrap();
        Session::create(key, Size::Standard, lease, Vec::new(), "host".parse().unwrap(), CREATED)
    }

    fn apply(metrics: &Metrics, session: &Session, event: &Event, now: Timestamp) -> Session {
        let after = session.apply(event, now, &policy()).unwrap();
        metrics.changed(session, &after);
        after
    }

    fn policy() -> Policy {
        crate::config::Config::default().policy(CREATED)
    }

    fn ready(metrics: &Metrics, session: &Session, after: Duration) -> Session {
        let host: remora_session::HostId = "host".parse().unwrap();
        let launched = apply(metrics, session, &Event::HostLaunched { host: host.clone() }, CREATED);
        let address = Address { hostname: "h".into(), handshake_port: 50_000, inspector_port: 50_001 };
        let reported = Event::HostReported { host, reported: Reported::Ready(address) };
        apply(metrics, &launched, &reported, CREATED + after)
    }

    #[test]
    fn a_session_is_counted_from_its_creation_to_its_end() {
        let metrics = Metrics::default();
        let session = ready(&metrics, &session(), Duration::from_millis(150));
        let at = CREATED + Duration::from_secs(1);
        let stopped = apply(&metrics, &session, &Event::Stopped, at);
        apply(&metrics, &stopped, &Event::Stopped, at);
        let text = metrics.render(&Stock::default());
        assert!(text.contains("remora_session_start_seconds_bucket{size=\"Standard\",le=\"0.1\"} 0"), "{text}");
        assert!(text.contains("remora_session_start_seconds_bucket{size=\"Standard\",le=\"0.2\"} 1"), "{text}");
        assert!(text.contains("remora_sessions_ended_total{size=\"Standard\",status=\"Stopped\"} 1"), "{text}");
        assert!(!text.contains("remora_host_failures_total{"), "{text}");
    }

    #[test]
    fn a_failed_host_is_counted_by_the_state_of_its_session() {
        let metrics = Metrics::default();
        let lost = Event::HostLost { host: "host".parse().unwrap(), why: "it is gone".into() };
        let at = CREATED + Duration::from_secs(1);
        apply(&metrics, &ready(&metrics, &session(), Duration::ZERO), &lost, at);
        apply(&metrics, &session(), &lost, at);
        let text = metrics.render(&Stock::default());
        assert!(text.contains("remora_host_failures_total{size=\"Standard\",state=\"Ready\"} 1"), "{text}");
        assert!(text.contains("remora_host_failures_total{size=\"Standard\",state=\"Starting\"} 1"), "{text}");
        assert!(text.contains("remora_sessions_ended_total{size=\"Standard\",status=\"Error\"} 1"), "{text}");
    }

    #[test]
    fn gauges_follow_the_store() {
        let metrics = Metrics::default();
        let live = vec![LiveCount { size: Size::Premium, ready: true, sessions: 3 }];
        let text = metrics.render(&Stock { live, idle: Vec::new() });
        assert!(text.contains("ActiveRenderingSessions{size=\"Premium\",state=\"Ready\"} 3"), "{text}");
        assert!(text.contains("ActiveRenderingSessions{size=\"Standard\",state=\"Starting\"} 0"), "{text}");
        let text = metrics.render(&Stock::default());
        assert!(text.contains("ActiveRenderingSessions{size=\"Premium\",state=\"Ready\"} 0"), "{text}");
    }
}
