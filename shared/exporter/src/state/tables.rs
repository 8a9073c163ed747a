//! The tables to which a state's entries refer: scans by two bytes, checks by their fingerprint.

use std::collections::{BTreeMap, HashMap, HashSet};

use asff::RegionName;

use super::finding::{ScanCode, fingerprint};
use super::index::Index;

/// Number of scans in the table from which codes that no entry uses any more are reused.
const SCANS_MAX_BEFORE_REUSE: usize = 1024;
/// The largest code of a scan; the next one is [`ScanCode::UNKNOWN`].
const CODE_MAX: usize = u16::MAX as usize - 1;

/// The scans to which entries refer. A code of the old file keeps its meaning in the next one.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    times: Vec<i64>,
    codes: HashMap<i64, u16>,
    /// Codes that no entry of the old file uses. Determined once, when the table has grown large.
    unused: Option<Vec<u16>>,
}

impl Scans {
    /// The table of a file.
    pub(super) fn from_times(times: &[i64]) -> Self {
        let codes = (1..=u16::MAX).zip(times).map(|(code, time)| (*time, code)).collect();
        Self { times: times.to_vec(), codes, unused: None }
    }

    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    /// The time of a code. `None` if the table does not have it.
    pub(super) fn time(&self, code: ScanCode) -> Option<i64> {
        self.times.get(usize::from(code.0).checked_sub(1)?).copied()
    }

    /// The code of a scan, which is added if it is new. [`ScanCode::UNKNOWN`] if the table is full.
    pub(super) fn code(&mut self, time: i64, index: &Index) -> ScanCode {
        if let Some(code) = self.codes.get(&time) {
            return ScanCode(*code);
        }
        let code = if self.times.len() < SCANS_MAX_BEFORE_REUSE { None } else { self.reuse_code(index) };
        let code = match code {
            Some(code) => {
                let old = std::mem::replace(&mut self.times[usize::from(code) - 1], time);
                self.codes.remove(&old);
                code
            }
            None if self.times.len() >= CODE_MAX => return ScanCode::UNKNOWN,
            None => {
                self.times.push(time);
                u16::try_from(self.times.len()).unwrap_or(u16::MAX)
            }
        };
        self.codes.insert(time, code);
        ScanCode(code)
    }

    fn reuse_code(&mut self, index: &Index) -> Option<u16> {
        let all = u16::try_from(self.times.len()).unwrap_or(u16::MAX);
        let unused = self.unused.get_or_insert_with(|| {
            let used: HashSet<u16> = index.iter().map(|(meta, _)| meta.seen.0).collect();
            (1..=all).filter(|code| !used.contains(code)).collect()
        });
        unused.pop()
    }
}

/// The names of checks, by their fingerprints.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    names: BTreeMap<u32, Box<str>>,
}

impl Checks {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(AsRef::as_ref)
    }

    pub(super) fn get(&self, fingerprint: u32) -> Option<&str> {
        self.names.get(&fingerprint).map(AsRef::as_ref)
    }

    pub(super) fn extend(&mut self, names: impl IntoIterator<Item = String>) {
        self.names.extend(names.into_iter().map(|name| (fingerprint(&name), name.into())));
    }

    /// Adds the name of a check from one of its findings, if it is not known.
    pub(super) fn add_from_finding(&mut self, fingerprint: u32, json: &[u8]) {
        if self.names.contains_key(&fingerprint) {
            return;
        }
        #[derive(serde::Deserialize)]
        struct Named<'a> {
            #[serde(borrow, rename = "GeneratorId")]
            generator_id: std::borrow::Cow<'a, str>,
        }
        if let Ok(named) = serde_json::from_slice::<Named<'_>>(json) {
            let name = named.generator_id.strip_prefix("prowler-").unwrap_or(&named.generator_id);
            self.names.insert(fingerprint, name.into());
        }
    }
}

/// The Region of the resource that a finding is about, parsed from the finding's ID.
pub(crate) fn finding_home(json: &[u8]) -> Option<RegionName> {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(borrow, rename = "Id")]
        id: std::borrow::Cow<'a, str>,
        #[serde(borrow, rename = "AwsAccountId")]
        account: std::borrow::Cow<'a, str>,
    }
    let named: Named<'_> = serde_json::from_slice(json).ok()?;
    // prowler-<check>-<account>-<region>-<hash>: a check may contain hyphens, and even digits.
    let behind = named.id.rfind(&format!("-{}-", named.account))? + named.account.len() + 2;
    named.id.get(behind..)?.rsplit_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use asff::Status;

    use super::*;
    use crate::state::{FindingKey, FindingMeta, Stored};

    fn index(codes: impl IntoIterator<Item = u16>) -> Index {
        let mut index = Index::default();
        for code in codes {
            index.push(FindingMeta {
                key: FindingKey(u64::from(code)),
                content: 0,
                resource: 0,
                check: 0,
                first_seen_ms: 0,
                updated_ms: 0,
                sent_ms: 0,
                stored: Stored::Active(Status::Failed),
                seen: ScanCode(code),
                absent: 0,
                foreign: false,
            });
        }
        index.finish();
        index
    }

    #[test]
    fn a_scan_has_one_code_in_the_old_file_and_the_next() {
        let index = index([]);
        let mut scans = Scans::from_times(&[100, 200]);
        assert_eq!(scans.code(200, &index), ScanCode(2));
        assert_eq!(scans.code(300, &index), ScanCode(3));
        assert_eq!(scans.code(300, &index), ScanCode(3));
        assert_eq!((scans.time(ScanCode(1)), scans.time(ScanCode(3))), (Some(100), Some(300)));
        assert_eq!((scans.time(ScanCode::NEWEST), scans.time(ScanCode::UNKNOWN)), (None, None));
    }

    #[test]
    fn only_an_unused_code_is_reused_for_another_scan() {
        let times: Vec<i64> = (0..1024).collect();
        let index = index((1..=1024).filter(|code| *code != 7));
        let mut scans = Scans::from_times(&times);
        assert_eq!(scans.code(5000, &index), ScanCode(7));
        assert_eq!(scans.code(6000, &index), ScanCode(1025));
        assert_eq!((scans.time(ScanCode(7)), scans.time(ScanCode(8))), (Some(5000), Some(7)));
    }

    #[test]
    fn a_finding_id_contains_its_region() {
        let home = |id: &str| {
            finding_home(serde_json::json!({"Id": id, "AwsAccountId": "123456789012"}).to_string().as_bytes())
        };
        let region = |name: &str| name.parse().ok();
        assert_eq!(home("prowler-s3_x-123456789012-us-gov-west-1-0123456ab"), region("us-gov-west-1"));
        assert_eq!(home("prowler-own-123456789012-x-123456789012-eu-west-1-0123456ab"), region("eu-west-1"));
        assert_eq!(home("prowler-s3_x"), None);
    }
}
