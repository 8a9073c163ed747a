//! A run's life: it may end at any call, before or after the call took effect, as a killed function's does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// How many calls a run lives for.
pub(crate) struct Life {
    calls: AtomicU64,
    killed_at: Option<u64>,
    /// Whether the call at which it is killed still takes effect.
    last_words: bool,
    dead: AtomicBool,
    death: Notify,
}

impl Life {
    /// A run that nobody kills.
    pub(crate) fn long() -> Self {
        Self::until(None, false)
    }

    /// A run that is killed at its call number `killed_at`.
    pub(crate) fn until(killed_at: Option<u64>, last_words: bool) -> Self {
        let (calls, dead, death) = (AtomicU64::new(0), AtomicBool::new(false), Notify::new());
        Self { calls, killed_at, last_words, dead, death }
    }

    /// Runs a call, or never returns.
    pub(crate) async fn step<T>(&self, call: impl FnOnce() -> T) -> T {
        // A call takes a moment, so that others get their turn.
        tokio::task::yield_now().await;
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let dies = self.killed_at == Some(number);
        if dies && self.last_words {
            drop(call());
            self.die().await;
        } else if dies || self.dead.load(Ordering::Relaxed) {
            self.die().await;
        } else {
            return call();
        }
        std::future::pending().await
    }

    async fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.death.notify_one();
    }

    /// Returns when the run is dead.
    pub(crate) async fn over(&self) {
        self.death.notified().await;
    }
}
