//! How many findings are archived without approval. A scan that failed partly looks like an account that was cleaned up.

/// Number of findings that are archived without approval regardless of their share of the account: in a small account, a few
/// fixes are a large share. It does not apply if the limit is 0 percent.
pub(crate) const ARCHIVED_WITHOUT_APPROVAL_MAX: u64 = 20;

/// The archive limit of one account in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The share of the account's active findings, in percent.
    pub(crate) percent: u8,
    /// Number of findings that other scans of the last days archived without approval.
    pub(crate) lately: u64,
    /// Number of findings that runs of this scan archived without approval. Those of a run that left no report are judged
    /// again, too.
    pub(crate) of_scan: u64,
    /// Whether a user approved archiving findings above the limit.
    pub(crate) approved: bool,
}

/// Whether archiving requires approval: `pending` findings of an account with `active` ones. `lately` is the number of
/// findings that scans of the last days archived without approval; it is added to both.
pub(crate) fn requires_approval(pending: u64, active: u64, lately: u64, limit_percent: u8) -> bool {
    if pending == 0 {
        return false;
    }
    if limit_percent == 0 {
        return true;
    }
    let (archived, all) = (pending + lately, active + lately);
    archived > ARCHIVED_WITHOUT_APPROVAL_MAX && archived * 100 > all * u64::from(limit_percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_requires_approval() {
        assert!(!requires_approval(50, 100, 0, 50));
        assert!(requires_approval(51, 100, 0, 50));
        assert!(!requires_approval(100, 100, 0, 100));
    }

    #[test]
    fn a_few_findings_need_no_approval_unless_the_limit_is_zero() {
        assert!(!requires_approval(20, 20, 0, 50));
        assert!(requires_approval(21, 21, 0, 50));
        assert!(requires_approval(1, 1000, 0, 0));
        assert!(!requires_approval(0, 1000, 0, 0));
    }

    #[test]
    fn recently_archived_findings_count_on_both_sides() {
        // 490 of 1,000, then 40 of the remaining 510: 530 of 1,000 within days.
        assert!(requires_approval(40, 510, 490, 50));
        assert!(!requires_approval(10, 510, 490, 50));
        assert!(requires_approval(11, 30, 10, 50));
    }
}
