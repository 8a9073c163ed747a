//! What an integration does with a finding before its Region is asked: the one place that decides it, for exports, plans, and the
//! offline look at a file.

use asff::{Mapped, RegionName, ScanFormat};

use crate::filter::{FilterReason, filter};
use crate::integration::Integration;
use crate::report::Fate;
use crate::report::reasons::unavailable::REGION_NOT_SELECTED;
use crate::route::{Route, route};

/// The way of a finding to a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The Region whose Security Hub gets it, or is told that it is there.
    pub region: RegionName,
    /// Why it is not sent, if so.
    pub filtered: Option<FilterReason>,
    /// It is sent to another Region than its own.
    pub redirected: bool,
}

/// The way of a finding by an integration's settings.
///
/// # Errors
///
/// With its outcome, when no Region hears of it.
pub fn destination(integration: &Integration, format: ScanFormat, mapped: &Mapped) -> Result<Destination, Fate> {
    let kept = filter(integration, format, mapped.status, mapped.severity);
    match route(integration, mapped.region) {
        Route::Own => Ok(Destination { region: mapped.region, filtered: kept, redirected: false }),
        Route::Fallback(region) => Ok(Destination { region, filtered: kept, redirected: kept.is_none() }),
        Route::NotInIntegration => Err(kept.map_or_else(
            || Fate::RegionUnavailable(mapped.region, REGION_NOT_SELECTED.to_owned()),
            |kept| Fate::Filtered(kept.as_str().to_owned()),
        )),
    }
}
