//! What becomes of a finding at its account, before its Region is asked: the same for exports and for jobs.

use asff::{Mapped, ScanFormat};

use crate::coverage::Coverage;
use crate::destination::{Destination, destination};
use crate::integration::Integration;
use crate::report::Fate;

/// What becomes of a finding at its account.
pub(crate) enum Selected {
    /// A newer scan of the finding's check in its Region was exported.
    Superseded,
    /// No Region gets it.
    NoRegion(Fate),
    /// A Region gets it, or is told that it is there.
    Region(Destination),
}

/// What becomes of a finding by the account's integration and by what earlier scans showed. One that goes to another Region
/// gets the product of that Region.
pub(crate) fn select(
    integration: &Integration,
    coverage: &Coverage,
    format: ScanFormat,
    mapped: &mut Mapped,
) -> Selected {
    if coverage.is_superseded(mapped.check_id.as_str(), mapped.region, mapped.scanned_at) {
        return Selected::Superseded;
    }
    match destination(integration, format, mapped) {
        Ok(destination) => {
            if destination.region != mapped.region {
                mapped.finding.product_arn = mapped.partition.product_arn(destination.region);
            }
            Selected::Region(destination)
        }
        Err(fate) => Selected::NoRegion(fate),
    }
}
