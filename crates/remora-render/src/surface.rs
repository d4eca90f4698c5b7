//! What decides how a cluster is drawn.

/// When a triangle is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Opaque,
    /// Its alpha decides whether it covers a sample.
    Mask,
    /// In front of what is opaque, layer by layer.
    Blend,
}

/// Clusters with the same key are drawn and shaded by the same kernels with the same bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DrawKey {
    pub phase: Phase,
    pub bank: u8,
    pub shading: Shading,
}

/// Which kernels draw a material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shading {
    /// Its factors are all there is.
    Plain,
    /// Two layers of the bucket, which repeat and share a transform.
    Layered { bucket: u8 },
    /// Everything that glTF allows.
    Full { bucket: u8 },
    /// Points, which have no material.
    Points,
}

/// What decides how a cluster is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    pub phase: Phase,
    pub shading: Shading,
    pub double_sided: bool,
}

impl Shading {
    /// `DETAIL` in the kernels.
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
