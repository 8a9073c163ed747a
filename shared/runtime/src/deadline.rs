//! Deadline of an invocation.

use std::time::SystemTime;

use tokio::time::Instant;

/// The deadline of the invocation on the runtime's clock. None if the caller sets none.
pub fn instant(deadline: SystemTime) -> Option<Instant> {
    if deadline == SystemTime::UNIX_EPOCH {
        return None;
    }
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    Some(Instant::now() + left)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_past_deadline_leaves_no_time() {
        let over = instant(SystemTime::now() - Duration::from_secs(9)).unwrap();
        assert!(over <= Instant::now());
        let ahead = instant(SystemTime::now() + Duration::from_secs(9)).unwrap();
        assert!(ahead > Instant::now() + Duration::from_secs(8));
        assert!(instant(SystemTime::UNIX_EPOCH).is_none());
    }
}
