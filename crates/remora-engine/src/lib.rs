//! The built-in engine: a turbocharged V8 on a stand, cut open as in a museum, with its gear box.
//!
//! ```text
//!   layout (measures) ─▶ one module per sub-assembly ─▶ Assembly: tree of parts, shapes as drawing code
//!                                                          │ count triangles, search the tessellation
//!                                                          ▼
//!                                                        Model
//! ```
//!
//! It is deterministic, needs no file, and has as many triangles as one asks for: from a coarse engine for slow
//! machines to one with real threads on its bolts. The number of parts is always the same, over two thousand.
//!
//! In metres; the crankshaft lies along X with its front at +X, Y is up. All surfaces are closed; where the engine
//! is cut open, cut faces are red.

mod assembly;
mod block;
mod bottom_end;
mod breathing;
mod builtin;
mod clutch;
mod electrics;
mod extrude;
mod fasteners;
mod finish;
mod front;
mod gear;
mod gear_box;
mod heads;
mod lathe;
mod layout;
mod lettering;
mod outline;
mod pattern;
mod solid;
mod stand;
mod sweep;
mod turbo;
mod valve_train;

pub use builtin::{BUILTIN_ENGINE, Builtin, BuiltinError, parse_builtin};

use glam::{Affine3A, Vec3};

use assembly::{Assembly, Group};
use remora_model::Model;

/// How fine the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineDetail {
    /// Of all parts together, from [`EngineDetail::TRIANGLES_MIN`] to [`EngineDetail::TRIANGLES_MAX`]; met within
    /// 5 %. What lies outside is taken as the nearest of the two.
    pub triangles: u64,
}

impl EngineDetail {
    pub const TRIANGLES_MIN: u64 = 50_000;
    /// As many as the demonstration model of the service that Remora stands in for.
    pub const TRIANGLES_MAX: u64 = 18_700_000;
}

impl Default for EngineDetail {
    /// 200 thousand triangles.
    fn default() -> Self {
        Self { triangles: 200_000 }
    }
}

/// Builds the engine; the same every time.
pub fn build(detail: EngineDetail) -> Model {
    let mut assembly = Assembly::default();
    let engine = assembly.group(Group::TOP, "Engine", Affine3A::from_translation(CENTERING));
    block::add(&mut assembly, engine);
    bottom_end::add(&mut assembly, engine);
    heads::add(&mut assembly, engine);
    front::add(&mut assembly, engine);
    breathing::add(&mut assembly, engine);
    turbo::add(&mut assembly, engine);
    electrics::add(&mut assembly, engine);
    clutch::add(&mut assembly, engine);
    gear_box::add(&mut assembly, engine);
    stand::add(&mut assembly, engine);
    assembly.build("Engine", detail.triangles.clamp(EngineDetail::TRIANGLES_MIN, EngineDetail::TRIANGLES_MAX))
}

/// From the middle of the crankshaft to the middle of the whole.
const CENTERING: Vec3 = Vec3::new(0.13, -0.02, 0.0);
