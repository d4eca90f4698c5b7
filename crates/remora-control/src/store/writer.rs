//! Group commit: one task writes, and all changes that arrive during a commit are committed together by the next one.
//!
//! ```text
//!   callers ──queue──▶ all waiting changes ─▶ one transaction ─▶ commit ─▶ each caller is answered
//!                       └── one of them fails ─▶ rolled back ─▶ each in a transaction of its own
//! ```
//!
//! Callers are answered after the commit has returned. A change that fails does not affect the others: they are
//! repeated in transactions of their own. Failures are rare enough that this costs less than a savepoint for every
//! change.

use std::sync::Arc;

use sqlx::AnyPool;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};

use super::database::Kind;
use super::error::StoreError;
use super::recent::Recent;
use super::write::{Outcome, Write, WriteError};

/// Length of the queue. Callers wait while it is full.
const QUEUE_MAX: usize = 1_024;
/// Maximum number of changes in one transaction.
const BATCH_MAX: usize = 256;
/// Attempts at a change that lost a race with another control plane.
const ATTEMPTS_MAX: usize = 8;

/// The callers' end of the queue.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

enum Job {
    Write(Box<Waiting>),
    /// Answered when everything before it has been written and the connection is closed.
    Close {
        closed: oneshot::Sender<()>,
    },
}

struct Waiting {
    write: Write,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Writer {
    /// Starts the task, which ends when the writer is closed or dropped. Needs a tokio runtime.
    pub(super) fn start(kind: Kind, pool: AnyPool, recent: Arc<Recent>) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(WriterTask { kind, pool, recent }.run(jobs));
        Self { queue }
    }

    /// Queues a change and waits for its result.
    pub(super) async fn write(&self, write: Write) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Job::Write(Box::new(Waiting { write, answer }))).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes what is queued and closes the connection.
    pub(super) async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        if self.queue.send(Job::Close { closed }).await.is_ok() {
            // An error means that it had been closed already.
            let _ = is_closed.await;
        }
    }
}

struct WriterTask {
    kind: Kind,
    pool: AnyPool,
    recent: Arc<Recent>,
}

/// Reason why a transaction failed.
enum Failure {
    /// It could not begin, or the result of its commit is unknown. Its changes must not be repeated.
    Unconfirmed(sqlx::Error),
    Write(WriteError),
}

impl WriterTask {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut received = Vec::with_capacity(BATCH_MAX);
        let mut closing = Vec::new();
        while jobs.recv_many(&mut received, BATCH_MAX).await > 0 {
            let mut waiting = Vec::with_capacity(received.len());
            for job in received.drain(..) {
                match job {
                    Job::Write(write) => waiting.push(*write),
                    Job::Close { closed } => {
                        jobs.close();
                        closing.push(closed);
                    }
                }
            }
            if !waiting.is_empty() {
                self.write(waiting).await;
            }
        }
        self.pool.close().await;
        for closed in closing {
            let _ = closed.send(());
        }
    }

    async fn write(&self, mut waiting: Vec<Waiting>) {
        waiting.sort_by(|one, other| one.write.lock_order().cmp(&other.write.lock_order()));
        match self.transact(&waiting).await {
            Ok(outcomes) => {
                for (waiting, outcome) in waiting.into_iter().zip(outcomes) {
                    waiting.answer(Ok(outcome));
                }
            }
            Err(Failure::Unconfirmed(error)) => {
                let error = Arc::new(error);
                for waiting in waiting {
                    waiting.answer(Err(StoreError::Unconfirmed(error.clone())));
                }
            }
            Err(Failure::Write(error)) => {
                tracing::debug!(%error, changes = waiting.len(), "changes are written one by one");
                for waiting in waiting {
                    self.write_alone(waiting).await;
                }
            }
        }
    }

    async fn write_alone(&self, waiting: Waiting) {
        let mut attempt = 1;
        let answer = loop {
            match self.transact(std::slice::from_ref(&waiting)).await {
                Ok(outcomes) => break Ok(outcomes[0]),
                Err(Failure::Unconfirmed(error)) => break Err(StoreError::Unconfirmed(Arc::new(error))),
                Err(Failure::Write(WriteError::Store(error))) => break Err(error),
                Err(Failure::Write(WriteError::Raced)) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(Failure::Write(WriteError::Raced)) => break Err(StoreError::Contended),
            }
        };
        waiting.answer(answer);
    }

    /// Carries out all changes in one transaction, or none.
    async fn transact(&self, waiting: &[Waiting]) -> Result<Vec<Outcome>, Failure> {
        let mut connection = self.pool.acquire().await.map_err(Failure::Unconfirmed)?;
        let mut transaction = connection.begin_with(self.kind.begin()).await.map_err(Failure::Unconfirmed)?;
        let mut outcomes = Vec::with_capacity(waiting.len());
        for Waiting { write, .. } in waiting {
            match write.run(self.kind, &mut transaction).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    // If the rollback fails, the connection is lost, and the database discards the transaction.
                    let _ = transaction.rollback().await;
                    return Err(Failure::Write(error));
                }
            }
        }
        let committed = transaction.commit().await;
        for (Waiting { write, .. }, outcome) in waiting.iter().zip(&outcomes) {
            match committed {
                Ok(()) => self.recent.written(write, *outcome),
                Err(_) => self.recent.unknown(write),
            }
        }
        committed.map(|()| outcomes).map_err(Failure::Unconfirmed)
    }
}

impl Waiting {
    /// Answers the caller, unless it has stopped waiting.
    fn answer(self, answer: Result<Outcome, StoreError>) {
        let _ = self.answer.send(answer);
    }
}
