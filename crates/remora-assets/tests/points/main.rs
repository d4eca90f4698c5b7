//! Point clouds: what the importers read, what they refuse, and the levels of detail that are made of points.

mod detail;
mod e57;
mod file;
mod hostile;
mod las;
mod ply;
mod xyz;
