//! Converts timestamps of the SDK.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// Converts a timestamp. `None` if it is out of range.
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}
