//! Properties of a surface that decide how its clusters are drawn.

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

/// Properties of a material that decide how its clusters are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    pub phase: Phase,
    pub shading: Shading,
    pub double_sided: bool,
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
