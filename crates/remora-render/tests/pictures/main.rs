//! What the renderer draws, on whatever adapter there is.

mod coverage;
mod detail;
mod look;
mod memory;
mod occlusion;
mod perceptual;
mod pieces;
mod points;
mod residency;
mod shapes;
mod state;
mod studio;
