//! A stream of the process that never stops the work. A reader may go away, as `head` does once it has enough, and a disk may
//! be full: what is written from then on is discarded, and the work is finished.

use std::io::{self, ErrorKind, Write};

use super::hidden;

/// What became of a stream.
#[derive(Debug, Default)]
enum State {
    /// All was written so far.
    #[default]
    Open,
    /// Its reader went away, which is no error.
    Closed,
    /// Something else stopped it: what was written is not all.
    Lost(Option<io::Error>),
}

/// A stream to which writing never fails.
pub(crate) struct Stream {
    to: Box<dyn Write>,
    state: State,
}

impl Stream {
    /// A stream over another.
    pub(crate) fn new(to: impl Write + 'static) -> Self {
        Self { to: Box::new(to), state: State::default() }
    }

    /// Whether what is written still arrives.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Why a part of what was written is missing, once. None where all arrived, or its reader wanted no more.
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

/// Standard error for log lines, a whole line a time. Whoever writes them would panic where it can't.
pub(crate) struct Beside(Stream);

impl Beside {
    /// The process's.
    pub(crate) fn stderr() -> Self {
        Self(Stream::new(io::stderr()))
    }
}

impl Write for Beside {
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
    fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is_told_once() {
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
