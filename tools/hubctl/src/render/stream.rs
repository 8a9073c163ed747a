//! An output stream whose errors never stop the work. If the pipe is closed, as `head` does, or the disk is full, later output is
//! discarded and the work completes.

use std::io::{self, ErrorKind, Write};

use super::hidden;

/// State of a stream.
#[derive(Debug, Default)]
enum State {
    /// Everything was written so far.
    #[default]
    Open,
    /// The pipe was closed, which is not an error.
    Closed,
    /// Another error: the output is incomplete.
    Lost(Option<io::Error>),
}

/// A stream whose writes never fail.
pub(crate) struct Stream {
    to: Box<dyn Write>,
    state: State,
}

impl Stream {
    /// Wraps a stream.
    pub(crate) fn new(to: impl Write + 'static) -> Self {
        Self { to: Box::new(to), state: State::default() }
    }

    /// Whether output is still written.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The error that made the output incomplete; it is returned once. `None` for a closed pipe.
    pub(super) fn error(&mut self) -> Option<io::Error> {
        match &mut self.state {
            State::Lost(error) => error.take(),
            State::Open | State::Closed => None,
        }
    }

    fn note<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Ok(done) => Ok(done),
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let closed = error.kind() == ErrorKind::BrokenPipe;
                self.state = if closed { State::Closed } else { State::Lost(Some(error)) };
                Ok(instead)
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_open() {
            return Ok(bytes.len());
        }
        let written = self.to.write(bytes);
        self.note(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        let flushed = self.to.flush();
        self.note(flushed, ())
    }
}

/// Standard error for log lines, whose writer would panic on an error.
pub(crate) struct LogWriter(Stream);

impl LogWriter {
    /// Standard error of the process.
    pub(crate) fn stderr() -> Self {
        Self(Stream::new(io::stderr()))
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(hidden::escaped_lines(&text, false).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_not_an_error_and_a_full_disk_is_reported_once() {
        let mut closed = Stream::new(Failing(ErrorKind::BrokenPipe));
        closed.write_all(b"a").unwrap();
        closed.write_all(b"b").unwrap();
        closed.flush().unwrap();
        assert!(!closed.is_open() && closed.error().is_none());
        let mut full = Stream::new(Failing(ErrorKind::StorageFull));
        full.write_all(b"a").unwrap();
        full.flush().unwrap();
        assert_eq!(full.error().unwrap().kind(), ErrorKind::StorageFull);
        assert!(full.error().is_none());
    }
}
