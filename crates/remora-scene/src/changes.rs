//! The changes that a renderer has not seen yet. The log keeps the last report, so that an edit that is undone before
//! the next report is no change.

use glam::DAffine3;

use crate::instance::Instance;
use crate::overrides::EffectiveState;

/// The differences from the previous [`crate::Scene::take_changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// True if the list of instances is a different one and must be read as a whole. `instances` is empty then.
    pub structure: bool,
    /// Indices into [`crate::Scene::instances`], ascending, of those whose transform or state differs.
    pub instances: Vec<u32>,
}

/// Collects what may have changed since the last report.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    structure: bool,
    /// The last report, one entry per instance.
    reported: Vec<(DAffine3, EffectiveState)>,
    /// Instances that were derived since, each once.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl ChangeLog {
    /// Makes the next report one of the structure.
    pub(crate) fn restructure(&mut self) {
        self.structure = true;
    }

    /// Notes that an instance may differ from the last report.
    pub(crate) fn touch(&mut self, instance: u32) {
        // A report of the structure covers all instances.
        if !self.structure && !std::mem::replace(&mut self.is_touched[instance as usize], true) {
            self.touched.push(instance);
        }
    }

    /// Reports the changes and starts over.
    pub(crate) fn take(&mut self, instances: &[Instance]) -> Changes {
        if std::mem::take(&mut self.structure) {
            self.touched.clear();
            self.is_touched.clear();
            self.is_touched.resize(instances.len(), false);
            self.reported.clear();
            self.reported.extend(instances.iter().map(reported));
            return Changes { structure: true, instances: Vec::new() };
        }
        let mut changed = std::mem::take(&mut self.touched);
        changed.retain(|&index| {
            let index = index as usize;
            self.is_touched[index] = false;
            let now = reported(&instances[index]);
            std::mem::replace(&mut self.reported[index], now) != now
        });
        changed.sort_unstable();
        Changes { structure: false, instances: changed }
    }
}

fn reported(instance: &Instance) -> (DAffine3, EffectiveState) {
    (instance.world, instance.state)
}
