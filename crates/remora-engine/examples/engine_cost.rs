//! Builds the built-in engine in several levels of detail and prints the time and the triangle counts.
//!
//!     cargo run -p remora-engine --example engine_cost [-- TRIANGLES...]

use std::time::Instant;

use remora_engine::{EngineDetail, build};
use remora_model::Primitive;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut wanted: Vec<u64> = std::env::args().skip(1).map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    if wanted.is_empty() {
        wanted = vec![50_000, 100_000, 200_000, 500_000, 2_000_000, 18_700_000];
    }
    println!("   wanted     built   error  parts  meshes  unique triangles  milliseconds");
    for triangles in wanted {
        let start = Instant::now();
        let model = build(EngineDetail { triangles });
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let unique: usize = model.meshes.iter().flat_map(|mesh| &mesh.primitives).map(Primitive::triangles).sum();
        let error = 100.0 * (model.triangles() as f64 / triangles as f64 - 1.0);
        println!(
            "{triangles:>9} {:>9} {error:>+6.2}% {:>6} {:>7} {unique:>17} {milliseconds:>13.0}",
            model.triangles(),
            model.parts(),
            model.meshes.len(),
        );
    }
    Ok(())
}
