//! Point clouds: what the importers read, what they refuse.

mod e57;
mod file;
mod hostile;
mod las;
mod ply;
mod xyz;
