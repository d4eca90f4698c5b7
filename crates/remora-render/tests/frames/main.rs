//! What the renderer draws, on whatever adapter there is.

mod coverage;
mod detail;
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
