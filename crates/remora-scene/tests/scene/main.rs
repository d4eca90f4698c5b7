//! The scene as a renderer and a client see it.

mod models;
mod ray;
mod tree;
