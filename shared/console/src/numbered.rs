//! The newest values of a kind, each under a number that is in the URL of its page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The newest values, with their numbers.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    max: usize,
    entries: Mutex<(u64, VecDeque<(u64, T)>)>,
}

impl<T: Clone> Numbered<T> {
    /// Keeps this number of values. Older values are dropped, and their pages show that.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, entries: Mutex::new((0, VecDeque::new())) }
    }

    /// Stores a value, and returns its number.
    pub(crate) fn keep(&self, value: T) -> u64 {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.0 += 1;
        let number = entries.0;
        entries.1.push_back((number, value));
        if entries.1.len() > self.max {
            entries.1.pop_front();
        }
        number
    }

    /// The newest value, and its number.
    pub(crate) fn newest(&self) -> Option<(u64, T)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.back().cloned()
    }

    /// The value of a number.
    pub(crate) fn find(&self, number: &str) -> Option<T> {
        let number: u64 = number.parse().ok()?;
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.1.iter().find(|(key, _)| *key == number).map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_are_kept() {
        let values = Numbered::new(16);
        for number in 0..20 {
            values.keep(number);
        }
        assert_eq!(values.newest(), Some((20, 19)));
        assert_eq!((values.find("4"), values.find("5"), values.find("x")), (None, Some(4), None));
    }
}
