//! The delay that a frame in slices causes to a more urgent one, which starts when the slice in progress is finished.

use std::time::{Duration, Instant};

use remora_render::{FrameRequest, RenderedFrame, Renderer};

use super::{Failure, PAGE_TIME_MAX, middle, milliseconds};

/// Renders frames in slices. Prints the time per frame, the number of slices, and how long an input that arrives at a
/// random moment would wait.
pub(crate) fn measure(
    renderer: &mut Renderer,
    image: &mut RenderedFrame,
    request: &dyn Fn(usize) -> FrameRequest,
    frames: usize,
) -> Result<(), Failure> {
    let (mut walls, mut steps) = (Vec::new(), Vec::new());
    for index in 0..frames {
        while renderer.await_pages(PAGE_TIME_MAX)? {}
        let clock = Instant::now();
        renderer.submit_in_slices(&request(index))?;
        let mut step = clock;
        loop {
            let finished = renderer.proceed()?;
            if finished {
                // The frame is handed over as a whole from here.
                renderer.receive(image)?.ok_or("no frame came back")?;
            }
            steps.push(std::mem::replace(&mut step, Instant::now()).elapsed());
            if finished {
                break;
            }
        }
        walls.push(clock.elapsed());
    }
    println!(
        "in slices: {} ms per frame in {} slices; an input waits {} ms, p95 {} ms",
        milliseconds(middle(walls, 0.5)).trim(),
        steps.len() / frames,
        milliseconds(wait(&steps, 0.5)).trim(),
        milliseconds(wait(&steps, 0.95)).trim(),
    );
    Ok(())
}

/// Returns the wait that a share of all moments does not exceed. The wait is the time until the end of the step.
fn wait(steps: &[Duration], share: f64) -> Duration {
    let seconds: Vec<f64> = steps.iter().map(Duration::as_secs_f64).collect();
    let beyond = seconds.iter().sum::<f64>() * (1.0 - share);
    let (mut low, mut high) = (0.0, seconds.iter().copied().fold(0.0, f64::max));
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        let longer: f64 = seconds.iter().map(|step| (step - middle).max(0.0)).sum();
        (low, high) = if longer > beyond { (middle, high) } else { (low, middle) };
    }
    Duration::from_secs_f64(high)
}
