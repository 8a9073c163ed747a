//! What an integration does with a finding before any call to its Region. Exports, plans, and the offline preview of a file
//! all decide it here.

use asff::{Mapped, RegionName, ScanFormat};

use crate::model::integration::Integration;
use crate::report::Fate;
use crate::report::reasons::unavailable::REGION_NOT_SELECTED;
use crate::selection::filter::{FilterReason, filter};
use crate::selection::route::{Route, route};

/// The Region that a finding is routed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The Region whose Security Hub gets the finding. Its worker is notified even if the finding is filtered.
    pub region: RegionName,
    /// Why the finding is not sent. `None` if it is sent.
    pub filtered: Option<FilterReason>,
    /// Whether the finding is sent to another Region than its own.
    pub redirected: bool,
}

/// Determines the destination of a finding from the integration's settings.
///
/// # Errors
///
/// The finding's outcome, if it has no destination Region.
pub fn destination(integration: &Integration, format: ScanFormat, mapped: &Mapped) -> Result<Destination, Fate> {
    let reason = filter(integration, format, mapped.status, mapped.severity);
    match route(integration, mapped.region) {
        Route::Own => Ok(Destination { region: mapped.region, filtered: reason, redirected: false }),
        Route::Fallback(region) => Ok(Destination { region, filtered: reason, redirected: reason.is_none() }),
        Route::NotInIntegration => Err(reason.map_or_else(
            || Fate::RegionUnavailable(mapped.region, REGION_NOT_SELECTED.to_owned()),
            |reason| Fate::Filtered(reason.as_str().to_owned()),
        )),
    }
}
