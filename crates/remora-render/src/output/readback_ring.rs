//! A ring of readback buffers, so that the next frame is rendered while the previous one is read back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::device::graphics::Graphics;
use crate::frame::RenderError;

/// Longest time that a frame may take.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Waits until the device has finished a submission.
pub(crate) fn wait_for(graphics: &Graphics, submission: wgpu::SubmissionIndex) -> Result<(), RenderError> {
    let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(WAIT_MAX) };
    match graphics.device.poll(poll) {
        Ok(_) => graphics.check("a frame"),
        Err(wgpu::PollError::Timeout) => Err(RenderError::TimedOut(WAIT_MAX)),
        Err(error) => Err(RenderError::Rejected { what: "waiting for a frame".into(), why: error.to_string() }),
    }
}

const PENDING: u8 = 0;
const READY: u8 = 1;
const FAILED: u8 = 2;

#[derive(Debug)]
pub(crate) struct ReadbackRing<T> {
    slots_max: usize,
    free: Vec<wgpu::Buffer>,
    in_flight: VecDeque<InFlight<T>>,
}

#[derive(Debug)]
struct InFlight<T> {
    buffer: wgpu::Buffer,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
    state: Arc<AtomicU8>,
    frame: T,
}

impl<T> ReadbackRing<T> {
    pub(crate) fn new(slots_max: usize) -> Self {
        Self { slots_max, free: Vec::new(), in_flight: VecDeque::new() }
    }

    pub(crate) fn slots_max(&self) -> usize {
        self.slots_max
    }

    pub(crate) fn is_full(&self) -> bool {
        self.in_flight.len() >= self.slots_max
    }

    /// Returns a buffer of at least `bytes` bytes, to be filled and given to [`Self::push`].
    pub(crate) fn take_buffer(&mut self, graphics: &Graphics, bytes: u64) -> Result<wgpu::Buffer, RenderError> {
        if let Some(index) = self.free.iter().position(|buffer| buffer.size() >= bytes) {
            return Ok(self.free.swap_remove(index));
        }
        // Sizes change together, so smaller buffers will not be needed again soon.
        self.free.clear();
        graphics.buffer("read-back", bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// Frees the buffers that are not in flight.
    pub(crate) fn shrink(&mut self) {
        self.free.clear();
    }

    /// Returns a buffer that was taken and not pushed.
    pub(crate) fn return_buffer(&mut self, buffer: wgpu::Buffer) {
        self.free.push(buffer);
    }

    pub(crate) fn push(&mut self, buffer: wgpu::Buffer, bytes: u64, submission: wgpu::SubmissionIndex, frame: T) {
        let state = Arc::new(AtomicU8::new(PENDING));
        let seen = state.clone();
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            seen.store(if result.is_ok() { READY } else { FAILED }, Ordering::Release);
        });
        self.in_flight.push_back(InFlight { buffer, bytes, submission, state, frame });
    }

    /// Passes the oldest frame to `read`. Returns `None` if none is in flight, or if it is not finished and `wait` is
    /// false.
    pub(crate) fn receive<R>(
        &mut self,
        graphics: &Graphics,
        wait: bool,
        read: impl FnOnce(T, &[u8]) -> R,
    ) -> Result<Option<R>, RenderError> {
        let Some(oldest) = self.in_flight.front() else { return Ok(None) };
        let poll = match wait {
            true => wgpu::PollType::Wait { submission_index: Some(oldest.submission.clone()), timeout: Some(WAIT_MAX) },
            false => wgpu::PollType::Poll,
        };
        let polled = graphics.device.poll(poll);
        let state = oldest.state.load(Ordering::Acquire);
        if state == PENDING && !wait {
            return Ok(None);
        }
        let oldest = self.in_flight.pop_front().expect("it has just been looked at");
        graphics.check("a frame")?;
        if state != READY {
            // The buffer is dropped together with its pending mapping.
            return Err(match polled {
                Err(wgpu::PollError::Timeout) => RenderError::TimedOut(WAIT_MAX),
                _ => RenderError::Rejected { what: "reading a frame back".into(), why: "mapping failed".into() },
            });
        }
        let result = {
            let view = oldest.buffer.get_mapped_range(0..oldest.bytes).map_err(|error| RenderError::Rejected {
                what: "reading a frame back".into(),
                why: error.to_string(),
            })?;
            read(oldest.frame, &view)
        };
        oldest.buffer.unmap();
        self.free.push(oldest.buffer);
        Ok(Some(result))
    }
}
