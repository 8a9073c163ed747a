//! A progress bar on standard error while a file is read or accounts are checked, on terminals only.

use std::cell::Cell;
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

    /// Shows a changing message, and a bar once `look` returns the numbers of done and of all items.
    pub(crate) fn waiting(style: Style, look: impl Fn() -> (Option<(u64, u64)>, String) + Send + 'static) -> Self {
        let seen = Cell::new(None);
        Self::spawn(style, move |bar| {
            let (done, text) = look();
            if seen.replace(done.map(|(_, total)| total)) != done.map(|(_, total)| total) || done.is_none() {
                set_template(bar, if done.is_some() { COUNTING } else { MESSAGE });
            }
            if let Some((done, total)) = done {
                bar.set_length(total);
                bar.set_position(done);
            }
            bar.set_message(text);
        })
    }

    /// Shows how many of `total` items are done. `things` is the noun for the items.
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
        let is_new = Cell::new(true);
        Self::spawn(style, move |bar| {
            if is_new.replace(false) {
                set_template(bar, template);
                if let Some(total) = total {
                    bar.set_length(total);
                }
            }
            let (done, text) = look();
            bar.set_position(done);
            bar.set_message(text);
        })
    }

    /// Updates a bar regularly, if the output is a terminal.
    fn spawn(style: Style, update: impl Fn(&ProgressBar) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = style.terminal.then(|| {
            let stop = stop.clone();
            thread::spawn(move || show(&stop, update))
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

fn set_template(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

fn show(stop: &AtomicBool, update: impl Fn(&ProgressBar)) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    while !stop.load(Ordering::Relaxed) {
        update(&bar);
        thread::park_timeout(INTERVAL);
    }
    bar.finish_and_clear();
}
