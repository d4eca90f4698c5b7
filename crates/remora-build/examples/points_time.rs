//! Measures the time to load a point cloud and to build its levels of detail.
//!
//!     cargo run --release -p remora-build --example points_time -- FILE|POINTS [THREADS]
//!
//! A number instead of a file generates that many points.

use std::time::Instant;

use remora_build::detail;
use remora_import::{Input, import};
use remora_model::Points;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().ok_or("the first argument is the file to load, or a number of points")?;
    let threads: usize = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    for points in clouds(&what)? {
        let start = Instant::now();
        let hierarchy = detail::points::build(&points, threads, &mut |_| {}, &|| false).ok_or("it is not cancelled")?;
        let seconds = start.elapsed().as_secs_f64();
        let (groups, clusters) = (hierarchy.groups.len(), hierarchy.clusters.len());
        let depth = hierarchy.groups.last().map_or(0, |group| group.depth);
        println!("{seconds:.2} s on {threads} threads: {groups} groups, {clusters} clusters, {} levels", depth + 1);
    }
    Ok(())
}

fn clouds(what: &str) -> Result<Vec<Points>, Box<dyn std::error::Error>> {
    if let Ok(count) = what.parse::<u32>() {
        return Ok(vec![surface(count)]);
    }
    let bytes = std::fs::read(what)?;
    let start = Instant::now();
    let model = import(Input::new(&bytes, what, &mut |_| {}))?;
    println!("{:.0} ms for {} points", start.elapsed().as_secs_f64() * 1e3, model.points());
    Ok(model.meshes.into_iter().map(|mesh| mesh.points).collect())
}

/// Returns points on hills in a scattered order.
fn surface(count: u32) -> Points {
    let fraction = |number: u32| f64::from(number.wrapping_mul(2_654_435_769)) / f64::from(u32::MAX);
    let point = |at: u32| {
        let (x, y) = (fraction(at) * 300.0, fraction(at.wrapping_mul(40_503).wrapping_add(7)) * 200.0);
        [x as f32, y as f32, ((x * 0.07).sin() * 5.0 + (y * 0.03).cos() * 9.0) as f32]
    };
    Points { positions: (0..count).map(point).collect(), colors: vec![[255; 4]; count as usize] }
}
