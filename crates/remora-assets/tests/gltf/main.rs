//! The glTF importer: what it reads, how what it writes comes back, and what it refuses.

mod file;
mod hostile;
mod materials;
mod nodes;
mod primitives;
mod round_trip;
