//! The frame thread's options, inputs, events and errors.

use std::{sync::Arc, time::Duration};

use remora_convert::Cache;
use remora_protocol::{connection::session_ending::Reason, link::RemoteModels};
use remora_render::{GraphicsError, GraphicsOptions, RenderError, RendererOptions};
use remora_stream::{EncoderBackend, TransportEvent, TransportHandle, TransportOptions};
use thiserror::Error;

use super::device::Warm;
use crate::{
    clock::Moment,
    encoding::EncodeDone,
    loader::{LoadId, Loading},
    memory::ImportMemory,
};

/// The options of a frame thread.
#[derive(Clone, Debug)]
pub(crate) struct FrameThreadOptions {
    pub(crate) model_files: Vec<String>,
    pub(crate) remote_models: RemoteModels,
    /// Triangles and points that a frame may take; `None` is any number.
    pub(crate) primitives_max: Option<u64>,
    pub(crate) graphics: GraphicsOptions,
    pub(crate) transport: TransportOptions,
    pub(crate) encoder: EncoderBackend,
    /// The memory that imports may use.
    pub(crate) memory: Arc<ImportMemory>,
    pub(crate) renderer: RendererOptions,
    /// The time that rendering a moving frame may take; `None` is a time that suits the adapter.
    pub(crate) render_target: Option<Duration>,
    /// Stores the full forms of models.
    pub(crate) cache: Option<Cache>,
    pub(crate) threads: usize,
}

/// An input of the frame thread, from any other thread.
pub(crate) enum Input {
    Transport {
        event: TransportEvent,
        /// When the transport reported it. The frame thread may handle it later.
        at: Moment,
    },
    Loading {
        id: LoadId,
        loading: Loading,
    },
    Encoded(Box<EncodeDone>),
    /// Geometry that the last frame lacked has been read.
    Pages,
    Warm(Warm),
    /// The host's session, before its first client. The models are loaded for each client at once.
    Assigned {
        session_id: String,
        models: Vec<String>,
    },
    /// The time that is left of the lease.
    Lease(Duration),
    /// Tells the client that the session ends. The client closes the connection.
    End {
        reason: Reason,
        message: String,
    },
}

/// An event of the frame thread.
pub(crate) enum FrameThreadEvent {
    /// Graphics, encoder and transport have started.
    Up {
        adapter: String,
        transport: TransportHandle,
    },
    Connected,
    Disconnected {
        why: String,
    },
    /// Statistics of the transport, for the inspector.
    Statistics(String),
    Failed {
        why: String,
    },
}

/// The reason why a frame thread ends.
#[derive(Debug, Error)]
pub(crate) enum FrameThreadError {
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Transport(#[from] remora_stream::StartError),
}
