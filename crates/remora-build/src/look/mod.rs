//! The appearance of surfaces in the form that shaders read: words of materials, and textures packed into layers.

mod material;
mod mip;
mod texture;

pub(crate) use material::plan;
pub(crate) use texture::{Recipe, texels};
