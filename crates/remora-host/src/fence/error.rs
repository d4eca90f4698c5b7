//! The reasons why a part of the fence does not stand.

use thiserror::Error;

/// The reason why a part of the fence does not stand.
#[derive(Debug, Error)]
pub(super) enum FenceError {
    #[error("this kernel has no Landlock, or it is not enabled (it needs Linux 5.13 and lsm=landlock)")]
    NoLandlock,
    #[error("{0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("{0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("{0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("the thread that tries it cannot be started")]
    Thread,
}
