//! The encoder's thread: takes finished pictures, hands access units to the transport at once, and tells the frame
//! thread. It keeps the last picture, so that one that stays can be encoded again without being rendered again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use prost::Message;
use remora_protocol::connection::FrameInfo;
use remora_render::RenderedFrame;
use remora_stream::{
    Channel, EncodeError, EncodedFrame, Encoder, FrameRequest, I420, OpenH264Encoder, OpenH264Options, TransportHandle,
};
use thiserror::Error;

use crate::{clock::Clock, stage::Encoded};

/// One is being encoded, one waits.
const QUEUE: usize = 2;

pub struct EncodeJob {
    pub serial: u64,
    /// Which connection the picture is for; it is dropped if that one has ended.
    pub generation: u64,
    /// `None`: the last picture once more.
    pub picture: Option<RenderedFrame>,
    pub request: FrameRequest,
    pub bits_per_second: u32,
    /// Complete but for what the encoder finds out.
    pub info: FrameInfo,
}

pub struct EncodeDone {
    pub serial: u64,
    pub outcome: Result<Encoded, EncodingError>,
    /// Not needed any more; to be filled again.
    pub picture: Option<RenderedFrame>,
}

#[derive(Debug, Error)]
pub enum EncodingError {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Frame(#[from] remora_stream::I420Error),
    #[error("there is no picture yet that could be encoded again")]
    NoPicture,
    #[error("the connection that the picture was for has ended")]
    Ended,
}

pub struct Encoding {
    jobs: SyncSender<EncodeJob>,
    generation: Arc<AtomicU64>,
}

impl Encoding {
    /// `deliver` is called on the encoder's thread; it returns false when nobody listens any more.
    pub fn start(
        transport: TransportHandle,
        clock: Clock,
        deliver: impl Fn(EncodeDone) -> bool + Send + 'static,
    ) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let generation = Arc::new(AtomicU64::new(0));
        let worker = Worker { transport, clock, current: generation.clone(), stream: None, last: None };
        thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || worker.run(&inbox, deliver))
            .expect("a thread can be started at the host's start");
        Self { jobs, generation }
    }

    /// Gives the job back if the encoder's queue is full or its thread is gone.
    pub fn encode(&self, job: EncodeJob) -> Result<(), Box<EncodeJob>> {
        self.jobs.try_send(job).map_err(|error| match error {
            std::sync::mpsc::TrySendError::Full(job) | std::sync::mpsc::TrySendError::Disconnected(job) => {
                Box::new(job)
            }
        })
    }

    /// Pictures of earlier connections are dropped.
    pub fn only(&self, generation: u64) {
        self.generation.store(generation, Ordering::Release);
    }
}

struct Worker {
    transport: TransportHandle,
    clock: Clock,
    current: Arc<AtomicU64>,
    /// Of the connection with this generation.
    stream: Option<(u64, OpenH264Encoder)>,
    last: Option<RenderedFrame>,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<EncodeJob>, deliver: impl Fn(EncodeDone) -> bool) {
        for mut job in inbox {
            let spare = match job.picture.take() {
                Some(picture) => self.last.replace(picture),
                None => None,
            };
            let outcome = self.encode(&job);
            if !deliver(EncodeDone { serial: job.serial, outcome, picture: spare }) {
                return;
            }
        }
    }

    fn encode(&mut self, job: &EncodeJob) -> Result<Encoded, EncodingError> {
        self.check_current(job)?;
        let picture = self.last.as_ref().ok_or(EncodingError::NoPicture)?;
        let picture = I420::new(picture.width, picture.height, &picture.data)?;
        let (key, encoder) = match &mut self.stream {
            Some((generation, encoder)) if *generation == job.generation => (job.request.key, encoder),
            stream => {
                let encoder = OpenH264Encoder::new(OpenH264Options::default());
                (true, &mut stream.insert((job.generation, encoder)).1)
            }
        };
        encoder.set_bitrate(job.bits_per_second);
        let start = self.clock.now();
        let frame = encoder.encode(picture, FrameRequest { key, ..job.request })?;
        let encode = self.clock.now() - start;
        self.check_current(job)?;
        let encoded = Encoded { bytes: frame.data.len() as u32, encode, refinable: frame.refinable };
        self.send(frame, job, &encoded);
        Ok(encoded)
    }

    fn send(&self, frame: EncodedFrame, job: &EncodeJob, encoded: &Encoded) {
        let info = FrameInfo {
            encode_microseconds: encoded.encode.as_micros() as u32,
            encoded_bytes: encoded.bytes,
            ..job.info
        };
        // A connection that has just ended takes neither; its end is on its way to the frame thread.
        let sent =
            self.transport.send(Channel::Pose, info.encode_to_vec()).and_then(|()| self.transport.send_video(frame));
        if let Err(error) = sent {
            tracing::debug!(%error, "a frame was not sent");
        }
    }

    fn check_current(&self, job: &EncodeJob) -> Result<(), EncodingError> {
        if self.current.load(Ordering::Acquire) == job.generation { Ok(()) } else { Err(EncodingError::Ended) }
    }
}
