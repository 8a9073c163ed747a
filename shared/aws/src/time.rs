//! Points in time, as the SDK and as we write them.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The SDK's time as ours; none if it lies outside of what we can write.
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}
