//! The lifetime of one run: a test can kill it at any call, before or after the call took effect, as Lambda may kill a
//! function.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// The number of calls after which a run is killed. After that, none of its calls returns. The default run is never killed,
/// and its calls complete immediately, without yielding to other tasks.
#[derive(Debug, Default)]
pub struct Lifetime {
    calls: AtomicU64,
    killed_at: Option<u64>,
    /// Whether the call at which the run is killed still takes effect.
    takes_effect: bool,
    is_dead: AtomicBool,
    /// Whether each call first yields to other tasks.
    yields: bool,
    death: Notify,
}

impl Lifetime {
    /// A run that is never killed, and that yields to other tasks before each call.
    pub fn unlimited() -> Self {
        Self::until(None, false)
    }

    /// A run that is killed at its call number `killed_at`, counted from 0, after or before that call took effect. `None`:
    /// never.
    pub fn until(killed_at: Option<u64>, takes_effect: bool) -> Self {
        Self { killed_at, takes_effect, yields: true, ..Self::default() }
    }

    /// Makes a call, or never returns.
    pub async fn step<T>(&self, call: impl FnOnce() -> T) -> T {
        if self.yields {
            tokio::task::yield_now().await;
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let dies = self.killed_at == Some(number);
        if dies && self.takes_effect {
            drop(call());
            self.die();
        } else if dies || self.is_dead.load(Ordering::Relaxed) {
            self.die();
        } else {
            return call();
        }
        std::future::pending().await
    }

    fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        self.death.notify_one();
    }

    /// Returns when the run was killed.
    pub async fn ended(&self) {
        self.death.notified().await;
    }
}
