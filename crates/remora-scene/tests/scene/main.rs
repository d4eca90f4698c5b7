//! Tests of the scene through its public interface.

mod contents;
mod models;
mod overrides;
mod range;
mod ray;
mod reference;
mod replace;
mod structure;
mod tree;
