//! Tests of rendered frames, on any adapter.

mod coverage;
mod detail;
mod history;
mod interruptions;
mod look;
mod memory;
mod occlusion;
mod perceptual;
mod points;
mod residency;
mod shapes;
mod slices;
mod state;
mod studio;
