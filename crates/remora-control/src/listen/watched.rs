//! Wrappers around a connection's stream and the bodies of its responses. They report the state of the connection to
//! its [`ConnectionSlot`], and end it if its client does not read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::slots::ConnectionSlot;

/// The stream of a connection.
pub(super) struct WatchedStream<S> {
    stream: S,
    slot: Arc<ConnectionSlot>,
    sending_max: Duration,
    /// Runs from the moment at which the client stopped reading until everything has been sent, so that reading single
    /// bytes does not restart it.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S: Unpin> WatchedStream<S> {
    /// Wraps the stream. The connection ends if the client does not read a response within `sending_max`.
    pub(super) fn new(stream: S, slot: Arc<ConnectionSlot>, sending_max: Duration) -> Self {
        Self { stream, slot, sending_max, deadline: None }
    }

    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        send: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(sent) = send(Pin::new(&mut self.stream), context) {
            return Poll::Ready(sent);
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(self.sending_max)));
        deadline.as_mut().poll(context).map(|()| {
            let seconds = self.sending_max.as_secs();
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("the client has not read for {seconds} s")))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.slot.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.in_time(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper calls this after it has written everything it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.in_time(context, tokio::io::AsyncWrite::poll_flush);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.deadline = None;
            self.slot.sent();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, tokio::io::AsyncWrite::poll_shutdown)
    }
}

/// The body of a response. hyper drops it once it has taken all of it.
pub(super) struct WatchedBody {
    body: Body,
    slot: Arc<ConnectionSlot>,
}

impl WatchedBody {
    pub(super) fn new(body: Body, slot: Arc<ConnectionSlot>) -> Self {
        Self { body, slot }
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.slot.answered();
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
