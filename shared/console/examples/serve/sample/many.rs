//! Sample data of a large organization: accounts in each state, and months of runs.

use exporter::connection::Connection;
use exporter::testing::Contents;
use jiff::Timestamp;

use super::connections::{Kind, ORGANIZATION, account};
use super::{Failure, runs};

/// Minutes between two runs: a thousand accounts with one scan per day.
const MINUTES_PER_RUN: f64 = 1.44;

/// Adds this number of accounts to the organization, and this number of runs.
pub(super) fn fill(contents: &mut Contents, accounts: u64, run_count: u64, now: Timestamp) -> Result<(), Failure> {
    let id = |number: u64| format!("{:012}", 700_000_000_000 + number * 97);
    for number in 0..accounts {
        let kind = match number % 50 {
            0 => Kind::Disconnected,
            1 | 2 => Kind::Degraded,
            3..6 => Kind::Partial,
            _ => Kind::Connected,
        };
        let connection: Connection = account(&id(number), ORGANIZATION, kind, now)?;
        contents.connection_tests.entry(ORGANIZATION.to_owned()).or_default().connections.push(connection.clone());
        contents.connections.insert(connection.account, connection);
    }
    let mut older = Vec::new();
    for number in (1..=run_count).rev() {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a time in minutes")]
        let minutes = 1_000 + (number as f64 * MINUTES_PER_RUN) as i64;
        older.push(runs::plain(&id(number % accounts.max(1)), number, minutes, now)?);
    }
    older.append(&mut contents.runs);
    *contents.runs = older;
    contents.runs.index();
    Ok(())
}
