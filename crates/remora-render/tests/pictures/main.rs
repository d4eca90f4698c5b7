//! What the renderer draws, on whatever adapter there is.

mod coverage;
mod look;
mod perceptual;
mod pieces;
mod shapes;
mod studio;
