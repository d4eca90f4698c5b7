//! Writes the built-in engine as GLB for measurements of other programs: `engine_glb TRIANGLES OUT.glb`.

use remora_engine::{EngineDetail, build};
use remora_import::write_glb;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(triangles), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: engine_glb TRIANGLES OUT.glb".into());
    };
    std::fs::write(path, write_glb(&build(EngineDetail { triangles: triangles.parse()? }))?)?;
    Ok(())
}
