//! A fleet for tests: hosts are entries in a table, and what becomes of them is what the test says. What a host
//! *reports* is not simulated here; tests report over HTTP, as hosts do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use remora_protocol::link::HostSpec;
use remora_session::HostId;
use tokio::sync::watch;

use super::{Condition, Doing, FleetHost, ProvisionError, Provisioner, Remains};
use crate::bell::Bell;

pub struct SimulatedFleet {
    bell: Bell,
    state: Mutex<State>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<HostId, (HostSpec, Condition)>,
    launched: VecDeque<HostSpec>,
    refusal: Option<String>,
}

impl SimulatedFleet {
    pub fn new(bell: Bell) -> Self {
        Self { bell, state: Mutex::default(), version: watch::Sender::new(0) }
    }

    /// The next host that is launched.
    pub async fn launched(&self) -> HostSpec {
        let mut version = self.version.subscribe();
        loop {
            if let Some(spec) = self.change(|state| state.launched.pop_front()) {
                return spec;
            }
            version.changed().await.expect("the fleet holds the sender");
        }
    }

    /// Returns when no host exists.
    pub async fn emptied(&self) {
        let mut version = self.version.subscribe();
        while !self.change(|state| state.hosts.is_empty()) {
            version.changed().await.expect("the fleet holds the sender");
        }
    }

    /// The process of the host ends.
    pub fn kill(&self, host: &HostId, how: &str) {
        self.change(|state| {
            if let Some((_, condition)) = state.hosts.get_mut(host) {
                *condition = Condition::Exited { how: how.to_owned() };
            }
        });
        self.bell.ring();
    }

    /// No host can be launched from now on.
    pub fn refuse(&self, why: &str) {
        self.change(|state| state.refusal = Some(why.to_owned()));
    }

    /// A host that nobody has asked for, as a crash may leave it.
    pub fn leave_stray(&self, spec: HostSpec) {
        let id = host_id(&spec);
        self.change(|state| state.hosts.insert(id, (spec, Condition::Running)));
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().expect("nothing panics under this lock"))
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

fn host_id(spec: &HostSpec) -> HostId {
    spec.host_id.parse().expect("a spec is made from a host id")
}

impl Provisioner for SimulatedFleet {
    fn ensure<'a>(&'a self, spec: &'a HostSpec) -> Doing<'a, ()> {
        Box::pin(async move {
            self.change(|state| {
                if let Some(why) = &state.refusal {
                    return Err(ProvisionError::Refused(why.clone()));
                }
                state.hosts.entry(host_id(spec)).or_insert_with(|| {
                    state.launched.push_back(spec.clone());
                    (spec.clone(), Condition::Running)
                });
                Ok(())
            })?;
            self.changed();
            Ok(())
        })
    }

    fn destroy<'a>(&'a self, host: &'a HostId) -> Doing<'a, Remains> {
        Box::pin(async move {
            self.change(|state| state.hosts.remove(host));
            self.changed();
            Ok(Remains::Gone)
        })
    }

    fn list(&self) -> Doing<'_, Vec<FleetHost>> {
        Box::pin(async move {
            Ok(self.change(|state| {
                let hosts = state.hosts.iter();
                hosts.map(|(id, (_, condition))| FleetHost { id: id.clone(), condition: condition.clone() }).collect()
            }))
        })
    }
}
