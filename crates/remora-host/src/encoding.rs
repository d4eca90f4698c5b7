//! The encoder's thread. It encodes rendered frames, hands the access units to the transport at once, and gives the
//! plans back to the frame thread. It keeps the last frame, so that an unchanged one can be encoded again without
//! rendering.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use prost::Message;
use remora_protocol::connection::FrameInfo;
use remora_render::RenderedFrame;
use remora_stream::{Channel, EncodeError, EncodedFrame, Encoder, EncoderBackend, FrameRequest, I420, TransportHandle};
use thiserror::Error;

use crate::{
    clock::Clock,
    ids::ConnectionId,
    stage::{EncodeResult, FramePlan},
    threads,
};

/// One frame is being encoded while one waits.
const QUEUE: usize = 2;

/// A frame to encode.
pub(crate) struct EncodeJob {
    pub(crate) plan: FramePlan,
    /// `None` encodes the last frame again.
    pub(crate) picture: Option<RenderedFrame>,
    /// The encoder's budget.
    pub(crate) bits_per_second: u32,
}

/// The plan of a frame that was encoded or not, on its way back.
pub(crate) struct EncodeDone {
    pub(crate) plan: FramePlan,
    pub(crate) outcome: Result<EncodeResult, EncodingError>,
    /// A frame buffer that is free again.
    pub(crate) picture: Option<RenderedFrame>,
}

/// The reason why a frame was not encoded.
#[derive(Debug, Error)]
pub(crate) enum EncodingError {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Frame(#[from] remora_stream::I420Error),
    #[error("there is no frame yet that could be encoded again")]
    NoFrame,
    #[error("the connection that the frame was for has ended")]
    Ended,
}

/// A handle to the encoder's thread, which ends when the handle is dropped.
pub(crate) struct Encoding {
    jobs: SyncSender<EncodeJob>,
    connection: Arc<AtomicU64>,
}

impl Encoding {
    /// Starts the thread. `deliver` is called on it and returns `false` when the receiver is gone.
    pub(crate) fn start(
        backend: EncoderBackend,
        transport: TransportHandle,
        clock: Clock,
        deliver: impl Fn(EncodeDone) -> bool + Send + 'static,
    ) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let connection = Arc::new(AtomicU64::new(0));
        let worker = Worker { backend, transport, clock, current: connection.clone(), stream: None, last: None };
        threads::spawn("encoder", move || worker.run(&inbox, deliver));
        Self { jobs, connection }
    }

    /// Queues a frame. Gives the job back if the queue is full or the thread has ended.
    pub(crate) fn encode(&self, job: EncodeJob) -> Result<(), Box<EncodeJob>> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Box::new(job),
        })
    }

    /// Drops the frames of all other connections.
    pub(crate) fn only(&self, connection: ConnectionId) {
        self.connection.store(connection.0, Ordering::Release);
    }
}

struct Worker {
    backend: EncoderBackend,
    transport: TransportHandle,
    clock: Clock,
    current: Arc<AtomicU64>,
    /// The encoder of this connection's stream.
    stream: Option<(ConnectionId, Box<dyn Encoder>)>,
    last: Option<RenderedFrame>,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<EncodeJob>, deliver: impl Fn(EncodeDone) -> bool) {
        for job in inbox {
            let EncodeJob { plan, picture, bits_per_second } = job;
            let spare = picture.and_then(|picture| self.last.replace(picture));
            let outcome = self.encode(&plan, bits_per_second);
            if !deliver(EncodeDone { plan, outcome, picture: spare }) {
                return;
            }
        }
    }

    fn encode(&mut self, plan: &FramePlan, bits_per_second: u32) -> Result<EncodeResult, EncodingError> {
        self.check_current(plan)?;
        let picture = self.last.as_ref().ok_or(EncodingError::NoFrame)?;
        let picture = I420::new(picture.width, picture.height, &picture.data)?;
        let (key, encoder) = match &mut self.stream {
            Some((connection, encoder)) if *connection == plan.connection => (plan.key, encoder),
            stream => (true, &mut stream.insert((plan.connection, self.backend.open())).1),
        };
        encoder.set_bitrate(bits_per_second);
        let request = FrameRequest { rtp_timestamp: plan.rtp_timestamp, key, fidelity: plan.fidelity };
        let start = self.clock.now();
        let frame = encoder.encode(picture, request)?;
        let encode = self.clock.now() - start;
        self.check_current(plan)?;
        let result = EncodeResult { bytes: frame.data.len() as u32, encode, refinable: frame.refinable };
        self.send(frame, plan, &result);
        Ok(result)
    }

    fn send(&self, frame: EncodedFrame, plan: &FramePlan, result: &EncodeResult) {
        let info = FrameInfo {
            encode_microseconds: result.encode.as_micros() as u32,
            encoded_bytes: result.bytes,
            ..plan.info()
        };
        // A connection that has just ended takes neither. The frame thread is about to hear of its end.
        let sent =
            self.transport.send(Channel::Pose, info.encode_to_vec()).and_then(|()| self.transport.send_video(frame));
        if let Err(error) = sent {
            tracing::debug!(%error, "a frame was not sent");
        }
    }

    fn check_current(&self, plan: &FramePlan) -> Result<(), EncodingError> {
        let is_current = self.current.load(Ordering::Acquire) == plan.connection.0;
        if is_current { Ok(()) } else { Err(EncodingError::Ended) }
    }
}
