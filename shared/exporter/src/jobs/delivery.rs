//! How an upload or a job reaches an invocation, and the consequences for its chain.

use super::chain::Chain;

/// How an upload or a job reaches an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As the payload: the caller is informed of unfinished work, and nothing is put in the queue for it.
    Direct,
    /// In a message of the queue, which is delivered again if it fails.
    Message {
        /// How often the message was received, including this time.
        receives: u32,
        /// The number of receives after which the queue moves the message to the dead-letter queue.
        receives_max: u32,
    },
    /// Directly after a job that the same invocation completed ([`Processed::next`](super::Processed::next)): there is no
    /// message for it yet.
    Inline,
}

impl Delivery {
    /// Whether the message is not delivered again: if it fails, it is moved to the dead-letter queue.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Message { receives, receives_max } if receives >= receives_max)
    }

    /// The chain as this invocation continues it. Only the first receive continues the record of a run that only
    /// waited: after that, the run may have done more, and what it archived must stay on record.
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
