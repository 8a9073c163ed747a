//! How an upload or a job comes to an invocation, and what follows from that for its chain.

use super::chain::Chain;

/// How an upload or a job comes to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As the payload: who invokes is told what is left of it, and nothing is put on the queue for it.
    Direct,
    /// In a message of the queue, which comes again where it fails.
    Message {
        /// How often the message was received, this time included.
        receives: u32,
        /// After so many the queue moves it to the dead-letter queue.
        receives_max: u32,
    },
    /// It follows a job that the same invocation completed ([`Processed::next`](super::Processed::next)), and has no message of
    /// its own yet.
    Inline,
}

impl Delivery {
    /// Whether the message does not come again: if it fails, it is in the dead-letter queue.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Message { receives, receives_max } if receives >= receives_max)
    }

    /// The chain as this invocation continues it. The record of a run that only waited is continued by the first receive and by no
    /// other: that run may have done more by then, and what it archived must stay on record.
    pub fn continued(self, chain: &Chain) -> Chain {
        let is_repeated = matches!(self, Self::Message { receives, .. } if receives > 1);
        Chain { run_id: chain.run_id.clone().filter(|_| !is_repeated), ..chain.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_a_run_that_waited_is_continued_once() {
        let chain = Chain { rounds: 2, run_id: Some("waited".to_owned()), ..Chain::default() };
        let receives = |receives| Delivery::Message { receives, receives_max: 5 };
        assert_eq!(receives(1).continued(&chain), chain);
        assert_eq!(receives(2).continued(&chain), Chain { run_id: None, ..chain });
        assert_eq!([1, 4, 5, 6].map(|count| receives(count).is_last()), [false, false, true, true]);
        assert!(!Delivery::Direct.is_last() && !Delivery::Inline.is_last());
    }
}
