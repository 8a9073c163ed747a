//! How a finding is handled by its account's settings, before it reaches its Region: the same for exports and for jobs.

use asff::{Mapped, ScanFormat};

use crate::evidence::coverage::Coverage;
use crate::model::integration::Integration;
use crate::report::Fate;
use crate::selection::destination::{Destination, destination};

/// How a finding is handled by its account's settings.
pub(crate) enum Selected {
    /// A newer scan of the finding's check in its Region was exported.
    Superseded,
    /// The finding is not sent to any Region.
    NoRegion(Fate),
    /// The finding is sent to a Region, or that Region is notified that the scan has it.
    Region(Destination),
}

/// Selects how a finding is handled, by the account's integration and by its coverage. A finding that is redirected to
/// another Region gets the `ProductArn` of that Region.
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
