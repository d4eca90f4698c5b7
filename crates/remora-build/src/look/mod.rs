//! How surfaces look, in the form in which shaders read it: material words, and textures packed into layers.

mod material;
mod mip;
mod texture;

pub(crate) use material::plan;
pub(crate) use texture::{Recipe, texels};
