//! What a renderer has not seen yet. Keeps what was last reported, so that an edit that is undone before the
//! next report is no change.

use glam::DAffine3;

use crate::overrides::EffectiveState;
use crate::scene::Instance;

/// What differs from the previous [`crate::Scene::take_changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The list of instances itself is another one: read all of it. `moved` is empty then.
    pub structure: bool,
    /// Indices into [`crate::Scene::instances`], ascending, of those whose transform or state differs.
    pub moved: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    structure: bool,
    /// As last reported, one per instance.
    reported: Vec<(DAffine3, EffectiveState)>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl ChangeLog {
    pub(crate) fn restructure(&mut self) {
        self.structure = true;
    }

    pub(crate) fn touch(&mut self, instance: u32) {
        // After a restructuring everything is read anew anyway.
        if !self.structure && !std::mem::replace(&mut self.is_touched[instance as usize], true) {
            self.touched.push(instance);
        }
    }

    pub(crate) fn take(&mut self, instances: &[Instance]) -> Changes {
        if std::mem::take(&mut self.structure) {
            self.touched.clear();
            self.is_touched.clear();
            self.is_touched.resize(instances.len(), false);
            self.reported.clear();
            self.reported.extend(instances.iter().map(state));
            return Changes { structure: true, moved: Vec::new() };
        }
        let mut moved = std::mem::take(&mut self.touched);
        moved.retain(|&index| {
            let index = index as usize;
            self.is_touched[index] = false;
            let now = state(&instances[index]);
            std::mem::replace(&mut self.reported[index], now) != now
        });
        moved.sort_unstable();
        Changes { structure: false, moved }
    }
}

fn state(instance: &Instance) -> (DAffine3, EffectiveState) {
    (instance.world, instance.state)
}
