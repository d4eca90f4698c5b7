//! Tests of the glTF importer and writer.

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
