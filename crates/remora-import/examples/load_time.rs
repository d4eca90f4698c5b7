//! Measures the time to import a model, and prints its contents.
//!
//!     cargo run -p remora-import --example load_time -- FILE.glb [TEXTURE_DIMENSION_MAX]

use std::time::Instant;

use remora_import::{Input, LoadLimits, import};

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the first argument is the file to load")?;
    let mut limits = LoadLimits::default();
    if let Some(dimension) = arguments.next() {
        limits.texture_dimension_max = dimension.parse()?;
    }
    let bytes = std::fs::read(&file)?;
    let mut best = f64::INFINITY;
    for run in 0..RUNS {
        let start = Instant::now();
        let model = import(Input { limits, ..Input::new(&bytes, &file, &mut |_| {}) })?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        if run == 0 {
            let pixels: usize = model.textures.iter().map(|texture| texture.rgba.len() / 4).sum();
            println!("{} parts, {} triangles, {} materials", model.parts(), model.triangles(), model.materials.len());
            println!("{} textures, {pixels} pixels; bounds {:?}", model.textures.len(), model.bounds());
        }
    }
    println!("{best:.0} ms (best of {RUNS}), textures of at most {} pixels", limits.texture_dimension_max);
    Ok(())
}
