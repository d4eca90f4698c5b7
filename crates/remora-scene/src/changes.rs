//! The changes that a renderer has not seen yet. The log keeps the last report, so that an edit that is undone before
//! the next report is no change.

use glam::DAffine3;

use crate::ids::{EntityId, ModelKey};
use crate::instance::{Instance, Instances};
use crate::overrides::EffectiveState;

/// The differences from the previous [`crate::Scene::take_changes`]. The lists hold slots of
/// [`crate::Scene::instance_slots`], ascending, each in one list at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// True if everything that was reported before is void, as with the first report of a scene. All slots must be
    /// read; the lists are empty.
    pub structure: bool,
    /// Slots that hold another instance than before, or held none.
    pub created: Vec<u32>,
    /// Slots that hold the instance that they held, with another transform or state.
    pub changed: Vec<u32>,
    /// Slots that hold no instance any more. They may lie beyond the last slot.
    pub removed: Vec<u32>,
}

/// An instance as it was reported.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reported {
    identity: (EntityId, ModelKey, u32),
    look: (DAffine3, EffectiveState),
}

/// Collects what may have changed since the last report.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    structure: bool,
    /// The last report, one entry per slot.
    reported: Vec<Option<Reported>>,
    /// Slots that may differ from the last report, each once.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl Default for ChangeLog {
    fn default() -> Self {
        // The reader of the first report may hold that of another scene.
        Self { structure: true, reported: Vec::new(), touched: Vec::new(), is_touched: Vec::new() }
    }
}

impl ChangeLog {
    /// Makes the next report one of the structure.
    pub(crate) fn restructure(&mut self) {
        self.structure = true;
    }

    /// Notes that a slot may differ from the last report.
    pub(crate) fn touch(&mut self, slot: u32) {
        // A report of the structure covers all slots.
        if self.structure {
            return;
        }
        let index = slot as usize;
        if index >= self.is_touched.len() {
            self.is_touched.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_touched[index], true) {
            self.touched.push(slot);
        }
    }

    /// Makes the next report name a slot as created, whatever it holds.
    pub(crate) fn renew(&mut self, slot: u32) {
        if let Some(reported) = self.reported.get_mut(slot as usize) {
            *reported = None;
        }
        self.touch(slot);
    }

    /// Reports the changes and starts over.
    pub(crate) fn take(&mut self, instances: &Instances) -> Changes {
        if std::mem::take(&mut self.structure) {
            self.touched.clear();
            self.is_touched.clear();
            self.reported.clear();
            self.reported.extend(instances.slots().iter().map(|slot| slot.as_ref().map(Reported::of)));
            return Changes { structure: true, ..Changes::default() };
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let mut changes = Changes::default();
        let slots = instances.slots().len();
        if self.reported.len() < slots {
            self.reported.resize(slots, None);
        }
        for slot in touched {
            self.is_touched[slot as usize] = false;
            let now = instances.get(slot).map(Reported::of);
            // A slot beyond the last one was never reported and is free again.
            let Some(reported) = self.reported.get_mut(slot as usize) else { continue };
            match (std::mem::replace(reported, now), now) {
                (Some(_), None) => changes.removed.push(slot),
                (Some(before), Some(now)) if before.identity == now.identity => {
                    if before.look != now.look {
                        changes.changed.push(slot);
                    }
                }
                (_, Some(_)) => changes.created.push(slot),
                (None, None) => {}
            }
        }
        self.reported.truncate(slots);
        self.is_touched.truncate(slots);
        changes
    }
}

impl Reported {
    fn of(instance: &Instance) -> Self {
        let Instance { entity, model, mesh, world, state } = *instance;
        Self { identity: (entity, model, mesh), look: (world, state) }
    }
}
