//! The frame thread as the rest of the host sees it: what it is started with, what it is told, and what it tells.

use std::{sync::Arc, time::Duration};

use remora_convert::Cache;
use remora_protocol::{connection::session_ending::Reason, link::RemoteModels};
use remora_render::{GraphicsError, GraphicsOptions, RenderError, RendererOptions};
use remora_stream::{TransportEvent, TransportHandle, TransportOptions};
use thiserror::Error;

use super::warming::Warm;
use crate::{
    encoding::EncodeDone,
    loader::{LoadId, Loading},
    memory::ImportMemory,
};

/// The options of a frame thread.
#[derive(Clone, Debug)]
pub struct FrameThreadOptions {
    pub model_files: Vec<String>,
    pub remote_models: RemoteModels,
    /// Triangles and points that a picture may take; `None` is any number.
    pub primitives_max: Option<u64>,
    pub graphics: GraphicsOptions,
    pub transport: TransportOptions,
    /// The memory that imports may use.
    pub memory: Arc<ImportMemory>,
    pub renderer: RendererOptions,
    /// What rendering a moving picture aims at; `None` for what suits the adapter.
    pub render_target: Option<Duration>,
    /// Where full forms of models are kept.
    pub cache: Option<Cache>,
    pub threads: usize,
}

/// What the frame thread is told.
/// What the frame thread hears of the other threads.
pub enum Input {
    Transport(TransportEvent),
    Loading {
        id: LoadId,
        loading: Loading,
    },
    Encoded(EncodeDone),
    /// Geometry that the last picture wanted has been read.
    Pages,
    Warm(Warm),
    /// The session that the host is for, before its first client, and the models to show each client at once.
    Assigned {
        session_id: String,
        models: Vec<String>,
    },
    Lease(Duration),
    /// Tells the client, which closes the connection.
    End {
        reason: Reason,
        message: String,
    },
}

/// What the frame thread tells the host.
pub enum FrameThreadEvent {
    /// Graphics, encoder and transport are up.
    Up {
        adapter: String,
        transport: TransportHandle,
    },
    Connected,
    Disconnected {
        why: String,
    },
    Statistics(String),
    Failed {
        why: String,
    },
}

#[derive(Debug, Error)]
pub enum FrameThreadError {
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Transport(#[from] remora_stream::StartError),
}
