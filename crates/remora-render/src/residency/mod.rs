//! Models, pages and instances in graphics memory.

pub(crate) mod geometry;
pub(crate) mod instances;
pub(crate) mod model_store;
pub(crate) mod page_cache;
pub(crate) mod pager;
pub(crate) mod pages;
pub(crate) mod prepare;
pub(crate) mod selectable;
pub(crate) mod textures;
