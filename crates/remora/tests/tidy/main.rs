//! The shape of the project, held by tests that read manifests, sources and documents; ARCHITECTURE.md explains it.

mod documents;
mod imports;
mod language;
mod layers;
mod layout;
mod sources;
