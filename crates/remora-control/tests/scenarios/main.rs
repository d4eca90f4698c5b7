//! Scenarios of the control plane, seen from outside, one file each: the list of files is the list of behaviours.
//!
//! Most scenarios use real sockets, a simulated fleet and a clock that the scenario advances. Those in `up_…` run the
//! whole service with real processes.

mod support;

mod accounts;
mod acme;
mod authorisation;
mod bad_requests;
mod capacity;
mod corpora;
mod create_session;
mod cross_origin;
mod extend_lease;
mod get_session;
mod hosts_fail;
mod ice_servers;
mod identity;
mod killed;
mod lease_ends;
mod limits;
mod list_sessions;
mod loopback_guard;
mod malformed;
mod observability;
mod openapi;
mod owners;
mod portal_over_https;
mod portal_pages;
mod powershell;
mod private_sessions;
mod process_fleet;
mod quotas;
mod response_headers;
mod restart;
mod scale;
mod serve_life;
mod sign_in;
mod stop_session;
mod store;
mod store_opening;
mod store_side_by_side;
mod tokens;
mod up_errors;
mod up_life;
mod up_shared;
mod usage;
mod v1;
mod warm_pool;

#[test]
#[ignore = "not a test: the render host of the scenarios, started by them"]
fn fake_host() {
    support::fake_host::run();
}

#[test]
#[ignore = "not a test: a render host that fails at its start, started by the scenarios"]
fn failing_host() {
    support::fake_host::fail();
}

#[test]
#[ignore = "not a test: a control plane of its own process, started by the scenarios, which kill it"]
fn control_plane() {
    support::server_process::run();
}
