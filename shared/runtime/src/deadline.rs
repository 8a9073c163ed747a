//! Deadline of an invocation.

use std::time::SystemTime;

use tokio::time::Instant;

/// The deadline of an invocation on the clock of the async runtime. `None` if the caller sets no deadline.
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
        let past = instant(SystemTime::now() - Duration::from_secs(9)).unwrap();
        assert!(past <= Instant::now());
        let future = instant(SystemTime::now() + Duration::from_secs(9)).unwrap();
        assert!(future > Instant::now() + Duration::from_secs(8));
        assert!(instant(SystemTime::UNIX_EPOCH).is_none());
    }
}
