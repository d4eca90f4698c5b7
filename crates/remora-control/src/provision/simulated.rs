//! A fleet for tests. Its hosts are entries in a table that live by the same rules as real hosts
//! ([`Life`](remora_protocol::life::Life)): they end with their lease, when they are told to stop, and when they wait
//! for too long. They do not report by themselves: a test reports over HTTP and hands the order to the fleet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use remora_protocol::life::{Ending, Life};
use remora_protocol::link::{HostOrder, HostSpec, HostState};
use remora_session::HostId;
use tokio::sync::watch;

use super::{Condition, FleetHost, LocalPlacement, ProvisionError, Provisioner, Remains};
use crate::bell::Bell;
use crate::clock::Clock;

/// The simulated fleet.
pub struct SimulatedFleet {
    placement: Arc<LocalPlacement>,
    clock: Clock,
    bell: Bell,
    table: Mutex<Table>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct Table {
    hosts: BTreeMap<HostId, SimulatedHost>,
    launched: VecDeque<HostSpec>,
    refusal: Option<String>,
}

struct SimulatedHost {
    life: Life,
    /// Set when a test has killed the process.
    killed: Option<String>,
}

impl SimulatedHost {
    fn new(spec: &HostSpec, now: Duration) -> Self {
        let lease = spec.assignment.as_ref().map(|session| Duration::from_millis(session.lease_milliseconds));
        Self { life: Life::new(now, Duration::from_millis(spec.start_milliseconds_max), lease), killed: None }
    }

    fn condition(&mut self, now: Duration) -> Condition {
        self.life.tick(now);
        let how = match (&self.killed, self.life.ending()) {
            (Some(how), _) => how.clone(),
            (None, Some(Ending::Failed(_))) => "The render host ended unexpectedly with exit status 1.".to_owned(),
            (None, Some(_)) => "The render host ended.".to_owned(),
            (None, None) => return Condition::Running,
        };
        Condition::Exited { how }
    }
}

impl SimulatedFleet {
    /// Creates an empty fleet.
    pub fn new(placement: Arc<LocalPlacement>, clock: Clock, bell: Bell) -> Self {
        Self { placement, clock, bell, table: Mutex::default(), version: watch::Sender::new(0) }
    }

    /// Waits for the next host that is launched and returns its specification.
    pub async fn launched(&self) -> HostSpec {
        let mut version = self.version.subscribe();
        loop {
            if let Some(spec) = self.change(|table| table.launched.pop_front()) {
                return spec;
            }
            version.changed().await.expect("the fleet holds the sender");
        }
    }

    /// Waits until no host exists.
    pub async fn emptied(&self) {
        let mut version = self.version.subscribe();
        while !self.change(|table| table.hosts.is_empty()) {
            version.changed().await.expect("the fleet holds the sender");
        }
    }

    /// Ends the process of a host.
    pub fn kill(&self, host: &HostId, how: &str) {
        self.change_host(host, |host, _| host.killed = Some(how.to_owned()));
    }

    /// Refuses to launch hosts from now on.
    pub fn refuse(&self, why: &str) {
        self.change(|table| table.refusal = Some(why.to_owned()));
    }

    /// Adds a host that the control plane has not asked for, as a crash may leave it.
    pub fn leave_stray(&self, spec: &HostSpec) {
        let host = SimulatedHost::new(spec, self.now());
        let id = spec.host_id.parse().expect("specifications are made from host ids");
        self.change(|table| table.hosts.insert(id, host));
    }

    /// Moves a host to the state that it is about to report.
    pub fn reports(&self, host: &HostId, state: &HostState) {
        self.change_host(host, |host, now| match state {
            HostState::Starting => {}
            HostState::Ready(address) => host.life.ready(now, address.clone()),
            HostState::Failed { why } => host.life.failed(why.clone()),
        });
    }

    /// Hands a host the answer to its report; `None` if the control plane does not know the host.
    pub fn answers(&self, host: &HostId, order: Option<&HostOrder>) {
        self.change_host(host, |host, now| match order {
            Some(order) => host.life.ordered(now, order),
            None => host.life.disowned(),
        });
    }

    fn change_host(&self, host: &HostId, change: impl FnOnce(&mut SimulatedHost, Duration)) {
        let now = self.now();
        let ended = self.change(|table| {
            let Some(host) = table.hosts.get_mut(host) else { return false };
            host.life.tick(now);
            change(host, now);
            host.condition(now) != Condition::Running
        });
        if ended {
            self.bell.ring();
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.clock.now().as_milliseconds())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        change(&mut self.table.lock().expect("nothing panics under this lock"))
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl Provisioner for SimulatedFleet {
    fn revision(&self) -> String {
        self.placement.revision()
    }

    fn ensure<'a>(&'a self, host: &'a HostId, spec: &'a HostSpec) -> BoxFuture<'a, Result<(), ProvisionError>> {
        Box::pin(async move {
            let now = self.now();
            self.change(|table| {
                if let Some(why) = &table.refusal {
                    return Err(ProvisionError::Refused(why.clone()));
                }
                table.hosts.entry(host.clone()).or_insert_with(|| {
                    table.launched.push_back(spec.clone());
                    SimulatedHost::new(spec, now)
                });
                Ok(())
            })?;
            self.changed();
            Ok(())
        })
    }

    fn destroy<'a>(&'a self, host: &'a HostId) -> BoxFuture<'a, Result<Remains, ProvisionError>> {
        Box::pin(async move {
            self.change(|table| table.hosts.remove(host));
            self.changed();
            Ok(Remains::Gone)
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<FleetHost>, ProvisionError>> {
        Box::pin(async move {
            let now = self.now();
            Ok(self.change(|table| {
                let hosts = table.hosts.iter_mut();
                hosts.map(|(id, host)| FleetHost { id: id.clone(), condition: host.condition(now) }).collect()
            }))
        })
    }
}
