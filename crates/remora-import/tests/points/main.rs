//! Tests of the importers of point clouds and scanned meshes.

mod e57;
mod file;
mod hostile;
mod las;
mod ply;
mod xyz;
