//! Loads, and the messages about them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use remora_protocol::codes::LoadStage;
use remora_render::PreparedAsset;

use super::failure::LoadFailure;
use crate::ids::{CommandId, ConnectionId, LoadSerial};

/// Progress is reported in steps of 1/100.
const STEPS: f32 = 100.0;

/// The identity of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadId {
    /// The connection that the load is for.
    pub(crate) connection: ConnectionId,
    pub(crate) serial: LoadSerial,
    /// The command that asked for it. A client may use an id again, even during a load.
    pub(crate) command: CommandId,
}

/// A load to carry out.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: LoadId,
    pub(crate) uri: String,
}

/// A message about a load.
pub(crate) enum Loading {
    /// The fraction of a stage that is done, 0 to 1.
    Progress { stage: LoadStage, fraction: f32 },
    /// The model, ready to be uploaded. If `refines` is set, this is a coarse form and [`Loading::Refined`] follows.
    Loaded { prepared: Box<PreparedAsset>, refines: bool },
    /// The full form of a model that was loaded before; `None` if it could not be built.
    Refined(Option<Box<PreparedAsset>>),
    /// The load has failed.
    Failed(LoadFailure),
}

/// Delivers messages. Returns `false` when the receiver is gone.
pub(super) type Deliver = Arc<dyn Fn(LoadId, Loading) -> bool + Send + Sync>;

/// The loads and refinements that are still wanted.
#[derive(Default)]
pub(super) struct ActiveLoads {
    connection: AtomicU64,
    /// The first load whose model may be refined.
    refined_from: AtomicU64,
}

impl ActiveLoads {
    pub(super) fn only(&self, connection: ConnectionId) {
        self.connection.store(connection.0, Ordering::Relaxed);
    }

    pub(super) fn refine_from(&self, serial: LoadSerial) {
        self.refined_from.fetch_max(serial.0, Ordering::Relaxed);
    }

    /// Returns whether the load is still wanted.
    pub(super) fn is_loaded_for(&self, id: LoadId) -> bool {
        self.connection.load(Ordering::Relaxed) == id.connection.0
    }

    /// Returns whether the full form of the load's model is still wanted.
    pub(super) fn is_refined_for(&self, id: LoadId) -> bool {
        self.is_loaded_for(id) && self.refined_from.load(Ordering::Relaxed) <= id.serial.0
    }
}

/// Returns a function that reports the fraction of a stage whenever it has grown by a step. Any thread may call it; the
/// steps are delivered in ascending order.
pub(super) fn progress_steps(deliver: Deliver, id: LoadId, stage: LoadStage) -> impl Fn(f32) + Sync {
    let delivered = Mutex::new(0);
    let last = AtomicU64::new(0);
    move |fraction: f32| {
        let fraction = fraction.clamp(0.0, 1.0);
        // Counted from 1, so that the fraction 0 is reported too.
        let step = (fraction * STEPS).floor() as u64 + 1;
        if last.fetch_max(step, Ordering::Relaxed) >= step {
            return;
        }
        // A panic under the lock leaves the number as it was.
        let mut delivered = delivered.lock().unwrap_or_else(PoisonError::into_inner);
        if *delivered < step {
            *delivered = step;
            deliver(id, Loading::Progress { stage, fraction });
        }
    }
}
