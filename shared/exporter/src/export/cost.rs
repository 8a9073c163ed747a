//! The cost of findings, in ingestion events and dollars.

use serde::Serialize;

/// Number of ingestion events per month that are free in each account and Region (Security Hub's price list).
const FREE_EVENTS: u64 = 10_000;
/// Price of each further event in dollars (Security Hub's price list). An update and an archive are events too.
const DOLLARS_PER_EVENT: f64 = 0.000_03;

/// Ingestion events and their price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Ingestion events.
    pub events: u64,
    /// Their price.
    pub dollars: f64,
    /// Number of ingestion events if every finding were sent.
    pub all_events: u64,
    /// Their price.
    pub all_dollars: f64,
}

impl Cost {
    /// The cost of `events` in one account and Region, after `events_before` others in the month.
    pub fn new(events: u64, all_events: u64, events_before: u64) -> Self {
        let dollars = |events| dollars(events, events_before);
        Self { events, dollars: dollars(events), all_events, all_dollars: dollars(all_events) }
    }

    /// Adds the cost of another account or Region.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.dollars += other.dollars;
        self.all_events += other.all_events;
        self.all_dollars += other.all_dollars;
    }
}

/// The price of `events` in one account and Region, after `events_before` others in the month.
fn dollars(events: u64, events_before: u64) -> f64 {
    let free = FREE_EVENTS.saturating_sub(events_before);
    // The number is far below 2^53, from which on a double can't represent every integer.
    let paid = events.saturating_sub(free) as f64;
    paid * DOLLARS_PER_EVENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_events_of_a_month_are_free() {
        let cents = |events, before| (dollars(events, before) * 100.0).round();
        assert_eq!(cents(10_000, 0), 0.0);
        assert_eq!(cents(110_000, 0), 300.0);
        assert_eq!(cents(110_000, 4_000), 312.0);
        assert_eq!(cents(100_000, 50_000), 300.0);
    }
}
