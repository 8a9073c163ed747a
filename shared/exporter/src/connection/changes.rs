//! What changed from one check to the next: what people and other programs are told, once.

use asff::RegionName;

use super::{Connection, ConnectionStatus, RegionStatus};

/// A change worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is a connection where there was none; the first check of an account counts as such.
    Connected,
    /// There is none any more, or the first check found none.
    Disconnected,
    /// A Region takes findings that did not before.
    RegionGained(RegionName),
    /// A Region takes no more findings.
    RegionLost(RegionName),
}

/// The changes between two checks of an account. Of a first check only the verdict is one; where the credentials fail, the
/// Regions are not said to be lost.
pub(super) fn changes(before: Option<&Connection>, now: &Connection) -> Vec<Change> {
    let connected = |connection: &Connection| connection.status != ConnectionStatus::Disconnected;
    let mut changes = Vec::new();
    if before.map(connected) != Some(connected(now)) {
        changes.push(if connected(now) { Change::Connected } else { Change::Disconnected });
    }
    let Some(before) = before else { return changes };
    let takes = |connection: &Connection, region: &RegionName| {
        connection.regions.get(region).is_some_and(|region| region.status == RegionStatus::Enabled)
    };
    let gained = now.regions.keys().filter(|region| takes(now, region) && !takes(before, region));
    changes.extend(gained.map(|region| Change::RegionGained(*region)));
    // A Region that is no longer looked at was taken out of the integration: nobody lost it.
    let lost = now.regions.keys().filter(|region| takes(before, region) && !takes(now, region));
    changes.extend(lost.map(|region| Change::RegionLost(*region)));
    changes
}
