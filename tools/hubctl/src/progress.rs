//! A progress bar on standard error while a file is read or accounts are checked, on terminals only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::Style;

/// Refresh interval.
const INTERVAL: Duration = Duration::from_millis(100);
const WITH_SIZE: &str = "{bar:12} {percent:>3}%  {decimal_bytes}/{decimal_total_bytes}  {msg}  {eta}";
const COUNTING: &str = "{bar:12} {pos} of {len} {msg}  {elapsed}";
const MESSAGE: &str = "{spinner} {msg}  {elapsed}";
const WITHOUT_SIZE: &str = "{spinner} {decimal_bytes}  {msg}  {elapsed}";

/// A progress bar that is shown until it is dropped.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Shows what `look` returns: bytes read of `total`, and a message. Does nothing unless `style` is a terminal.
    pub(crate) fn begin(style: Style, total: Option<u64>, look: impl Fn() -> (u64, String) + Send + 'static) -> Self {
        let template = if total.is_some() { WITH_SIZE } else { WITHOUT_SIZE };
        Self::with(style, template, total, look)
    }

    /// Shows a changing message.
    pub(crate) fn message_only(style: Style, look: impl Fn() -> String + Send + 'static) -> Self {
        Self::with(style, MESSAGE, None, move || (0, look()))
    }

    /// Shows how many of `total` items are done. `things` is their noun.
    pub(crate) fn counting(
        style: Style,
        total: u64,
        things: &'static str,
        done: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        Self::with(style, COUNTING, Some(total), move || (done(), things.to_owned()))
    }

    fn with(
        style: Style,
        template: &'static str,
        total: Option<u64>,
        look: impl Fn() -> (u64, String) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = style.terminal.then(|| {
            let stop = stop.clone();
            thread::spawn(move || show(&stop, template, total, look))
        });
        Self { stop, thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // Errors of the bar are ignored.
            let _ = thread.join();
        }
    }
}

fn show(stop: &AtomicBool, template: &str, total: Option<u64>, look: impl Fn() -> (u64, String)) {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    while !stop.load(Ordering::Relaxed) {
        let (bytes, text) = look();
        bar.set_position(bytes);
        bar.set_message(text);
        thread::park_timeout(INTERVAL);
    }
    bar.finish_and_clear();
}
