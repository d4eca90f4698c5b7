//! The glTF importer: what it reads, how what it writes comes back, and what it refuses.

mod basis;
mod compression;
mod external;
mod file;
mod hostile;
mod instances;
mod limits;
mod materials;
mod metadata;
mod mutations;
mod nodes;
mod points;
mod primitives;
mod round_trip;
