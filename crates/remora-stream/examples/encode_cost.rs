//! Measures cost and quality of encoding on this machine: `cargo run -p remora-stream --example encode_cost`.
//!
//! A camera turns around a synthetic scene for three seconds and stops; the frame is then refined. CPU time is the
//! process's own, so it is meaningful on a busy machine too; wall time is not.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::error::Error;
use std::fs;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use remora_stream::{Encoder, Fidelity, FrameRequest, I420, OpenH264Encoder, OpenH264Options};

const MOTION_FRAMES: u32 = 90;
const TICKS_PER_FRAME: u32 = 3000;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "| frame | Mbit/s | threads | CPU ms | wall ms median/p95 | kbit key | kbit frame | PSNR dB | \
         at rest: kbit → dB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (width, height, megabits) in [(1280, 720, 4), (1280, 720, 8), (1920, 1080, 8)] {
        for threads in [1, 2] {
            measure(width, height, megabits, NonZeroU16::new(threads).expect("the list has no zero"))?;
        }
    }
    Ok(())
}

fn measure(width: u32, height: u32, megabits: u32, threads: NonZeroU16) -> Result<(), Box<dyn Error>> {
    let pictures: Vec<_> =
        (0..MOTION_FRAMES).map(|frame| synthetic::picture(width, height, frame as f32 * 0.03)).collect();
    let mut encoder = OpenH264Encoder::new(OpenH264Options { bits_per_second: megabits * 1_000_000, threads });
    let mut decoder = synthetic::decoder();
    let mut walls = Vec::new();
    let mut cpu = Duration::ZERO;
    let (mut key_bits, mut bits, mut decibels) = (0, 0, 0.0);
    let mut timestamp = 0;
    for (index, data) in pictures.iter().enumerate() {
        let request = FrameRequest { rtp_timestamp: timestamp, key: index == 0, fidelity: Fidelity::Motion };
        timestamp += TICKS_PER_FRAME;
        let (start, cpu_before) = (Instant::now(), cpu_time()?);
        let frame = encoder.encode(I420::new(width, height, data)?, request)?;
        cpu += cpu_time()? - cpu_before;
        walls.push(start.elapsed());
        if index == 0 {
            key_bits = frame.data.len() * 8;
        } else {
            bits += frame.data.len() * 8;
        }
        let decoded = decoder.decode(&frame.data)?.ok_or("a frame was not decoded")?;
        decibels += synthetic::psnr(data, &decoded);
    }

    let still = pictures.last().expect("there are frames");
    let mut refinements = String::new();
    loop {
        let request = FrameRequest { rtp_timestamp: timestamp, key: false, fidelity: Fidelity::Rest };
        timestamp += TICKS_PER_FRAME;
        let frame = encoder.encode(I420::new(width, height, still)?, request)?;
        let decoded = decoder.decode(&frame.data)?.ok_or("a frame was not decoded")?;
        let (kbit, decibels) = (frame.data.len() * 8 / 1000, synthetic::psnr(still, &decoded));
        refinements += &format!("{kbit} → {decibels:.1}; ");
        if !frame.refinable || timestamp > 110 * 3000 {
            break;
        }
    }

    walls.sort();
    let millis = |wall: Duration| wall.as_secs_f64() * 1000.0;
    println!(
        "| {width}×{height} | {megabits} | {threads} | {:.1} | {:.1}/{:.1} | {} | {} | {:.1} | {refinements}|",
        millis(cpu) / f64::from(MOTION_FRAMES),
        millis(walls[walls.len() / 2]),
        millis(walls[walls.len() * 95 / 100]),
        key_bits / 1000,
        bits / 1000 / (MOTION_FRAMES as usize - 1),
        decibels / f64::from(MOTION_FRAMES),
    );
    Ok(())
}

/// Returns the CPU time of all threads of this process.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let mut total = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        total += schedstat.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}
