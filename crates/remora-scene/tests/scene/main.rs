//! The scene as a renderer and a client see it.

mod look;
mod models;
mod ray;
mod replace;
mod tree;
