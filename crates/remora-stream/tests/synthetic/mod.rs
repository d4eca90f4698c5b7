//! Synthetic frames that are as hard to encode as rendered ones: smooth shading, sharp edges, fine texture, and a
//! camera that turns. Deterministic.

#![allow(dead_code, reason = "each test and the example use a part of it")]

use openh264::decoder::{DecodedYUV, Decoder};
use openh264::formats::YUVSource;
use remora_stream::I420;

/// Returns the scene as I420 after the camera has turned by `angle` radians.
pub(crate) fn picture(width: u32, height: u32, angle: f32) -> Vec<u8> {
    let (w, h) = (width as usize, height as usize);
    let mut data = vec![0; I420::byte_length(width, height)];
    let (luma, chroma) = data.split_at_mut(w * h);
    let (blue, red) = chroma.split_at_mut(w * h / 4);
    let (sin, cos) = angle.sin_cos();
    for y in 0..h {
        for x in 0..w {
            let (u, v) = ((x as f32 - w as f32 / 2.0) / h as f32, (y as f32 - h as f32 / 2.0) / h as f32);
            let (level, cb, cr) = shade(u, v, sin, cos, angle);
            luma[y * w + x] = (16.0 + 219.0 * level.clamp(0.0, 1.0)) as u8;
            if x % 2 == 0 && y % 2 == 0 {
                blue[y / 2 * (w / 2) + x / 2] = (128.0 + 112.0 * cb) as u8;
                red[y / 2 * (w / 2) + x / 2] = (128.0 + 112.0 * cr) as u8;
            }
        }
    }
    data
}

/// Returns luma and both chroma values of a point of a ring of spheres before a gradient.
fn shade(u: f32, v: f32, sin: f32, cos: f32, angle: f32) -> (f32, f32, f32) {
    let mut nearest = f32::INFINITY;
    let mut colour = (0.25 + 0.3 * (v + 0.5), 0.02, -0.02);
    for index in 0..9 {
        let around = index as f32 * std::f32::consts::TAU / 9.0 + angle;
        let (depth, radius) = (2.5 + around.sin(), 0.14 + 0.02 * (index % 3) as f32);
        let (centre_u, centre_v) = (around.cos() * 1.3 / depth, (index as f32 * 1.7).sin() * 0.5 / depth);
        let (du, dv) = ((u - centre_u) / (radius * 2.0 / depth), (v - centre_v) / (radius * 2.0 / depth));
        let squared = du * du + dv * dv;
        if squared < 1.0 && depth < nearest {
            nearest = depth;
            let dz = (1.0 - squared).sqrt();
            // The texture is fixed to the sphere, which turns with the camera.
            let (tx, tz) = (du * cos - dz * sin, du * sin + dz * cos);
            let stripes = ((tx * 23.0).sin() * (dv * 31.0).sin() * (tz * 17.0).sin()).signum() * 0.08;
            let light = (0.4 * du - 0.6 * dv + 0.7 * dz).max(0.0);
            let highlight = light.powi(24) * 0.5;
            colour = (0.1 + 0.6 * light + stripes + highlight, 0.3 * (index as f32).sin(), 0.3 * (index as f32).cos());
        }
    }
    colour
}

/// Returns the PSNR of luma in dB.
pub(crate) fn psnr(picture: &[u8], decoded: &DecodedYUV<'_>) -> f64 {
    let (width, height) = decoded.dimensions();
    let stride = decoded.strides().0;
    let mut squares = 0_u64;
    for y in 0..height {
        let ours = &picture[y * width..(y + 1) * width];
        let theirs = &decoded.y()[y * stride..y * stride + width];
        squares += ours.iter().zip(theirs).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>();
    }
    10.0 * (255.0_f64.powi(2) * (width * height) as f64 / squares.max(1) as f64).log10()
}

pub(crate) fn decoder() -> Decoder {
    Decoder::new().expect("the bundled decoder needs nothing")
}
