//! The surface of a material and the state of an instance, which decide how clusters are drawn.

use remora_scene::EffectiveState;

/// When a cluster is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Opaque,
    /// The alpha of a fragment decides whether it covers a sample.
    Mask,
    /// Blended in front of solid surfaces, layer by layer.
    Blend,
}

/// Clusters with equal keys are drawn and shaded by the same kernels with the same bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DrawKey {
    pub phase: Phase,
    pub bank: u8,
    pub shading: Shading,
}

impl DrawKey {
    /// Returns whether one dispatch can rasterise clusters of both keys. Only masks depend on the surface.
    pub(crate) fn rasterises_like(self, other: DrawKey) -> bool {
        let points = |key: DrawKey| key.shading == Shading::Points;
        let of = |key: DrawKey| (key.phase, key.bank, points(key));
        of(self) == of(other) && (self.phase != Phase::Mask || self == other)
    }
}

/// Features of a material, which decide the kernels that draw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shading {
    /// Factors without textures.
    Plain,
    /// Two texture layers of one array that repeat and share a transform.
    Layered { bucket: u8 },
    /// All texture features of glTF.
    Full { bucket: u8 },
    /// Points, which have no material.
    Points,
}

/// The use that a material makes of its alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlphaMode {
    Opaque,
    Mask,
    Blend,
}

/// The way in which an instance draws its surfaces, which follows from its state. A hidden instance has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrawMode {
    /// Each surface is drawn as its material says.
    Normal,
}

/// The properties of a material that decide how its clusters are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    pub alpha_mode: AlphaMode,
    pub shading: Shading,
    pub double_sided: bool,
}

impl DrawMode {
    /// All modes in the order of their numbers.
    pub(crate) const ALL: [DrawMode; 1] = [DrawMode::Normal];

    /// Returns the mode of an instance in this state, or `None` if the instance is hidden.
    pub(crate) fn of(state: EffectiveState) -> Option<DrawMode> {
        state.is_shown().then_some(DrawMode::Normal)
    }
}

impl Surface {
    /// The surface of points, which have no material.
    pub(crate) const POINTS: Surface =
        Surface { alpha_mode: AlphaMode::Opaque, shading: Shading::Points, double_sided: true };

    /// Returns the phase in which an instance draws this surface. Nothing else decides it.
    pub(crate) fn phase(self, mode: DrawMode) -> Phase {
        match (mode, self.alpha_mode) {
            (DrawMode::Normal, AlphaMode::Opaque) => Phase::Opaque,
            (DrawMode::Normal, AlphaMode::Mask) => Phase::Mask,
            (DrawMode::Normal, AlphaMode::Blend) => Phase::Blend,
        }
    }

    /// Returns the key of the clusters of this surface that lie in a bank.
    pub(crate) fn key(self, mode: DrawMode, bank: u8) -> DrawKey {
        DrawKey { phase: self.phase(mode), bank, shading: self.shading }
    }
}

impl Shading {
    /// Returns the value of `DETAIL` in the kernels.
    pub(crate) fn detail(self) -> u8 {
        match self {
            Shading::Plain | Shading::Points => 0,
            Shading::Layered { .. } => 1,
            Shading::Full { .. } => 2,
        }
    }

    pub(crate) fn bucket(self) -> u8 {
        match self {
            Shading::Plain | Shading::Points => 0,
            Shading::Layered { bucket } | Shading::Full { bucket } => bucket,
        }
    }
}
