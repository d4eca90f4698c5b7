//! The built-in engine: a turbocharged V8 on a stand, cut open as in a museum, with its gear box.
//!
//! ```text
//!   layout (measures) ─▶ one module per sub-assembly ─▶ Assembly: tree of parts, shapes as drawing code
//!                                                          │ count triangles, search the tessellation
//!                                                          ▼
//!                                                        Model
//! ```
//!
//! It is deterministic, needs no file, and has the requested number of triangles: from a coarse engine for slow
//! machines to one with real threads on its bolts. It always has the same parts, more than two thousand.
//!
//! Units are metres. The crankshaft lies along X, with its front at +X; Y is up. All surfaces are closed. Where
//! the engine is cut open, the cut faces are red.

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

/// The level of detail of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineDetail {
    /// Triangles of all parts, from [`EngineDetail::TRIANGLES_MIN`] to [`EngineDetail::TRIANGLES_MAX`]; met within
    /// 5 %. Values outside are clamped.
    pub triangles: u64,
}

impl EngineDetail {
    /// Fewest triangles that the engine can have.
    pub const TRIANGLES_MIN: u64 = 50_000;
    /// The size of the demonstration model of Azure Remote Rendering.
    pub const TRIANGLES_MAX: u64 = 18_700_000;
}

impl Default for EngineDetail {
    /// Returns a detail of 200 thousand triangles.
    fn default() -> Self {
        Self { triangles: 200_000 }
    }
}

/// Builds the engine. The result depends on the detail only.
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

/// Vector from the middle of the crankshaft to the middle of the whole engine.
const CENTERING: Vec3 = Vec3::new(0.13, -0.02, 0.0);
