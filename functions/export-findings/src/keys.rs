//! Detects objects that are not scans by their keys, so that they aren't opened. Only keys of files that Prowler writes in
//! addition to scans are listed here. All other objects are detected by their content.

/// Why an object is skipped. `None` if the object may be a scan.
pub fn skip_reason(key: &str) -> Option<&'static str> {
    let mut parts = key.rsplit('/');
    let name = parts.next().unwrap_or(key);
    // Only the folder of the file itself: a user may keep scans anywhere in a folder of this name.
    let in_compliance = parts.next() == Some("compliance");
    match name {
        "" => Some("a directory marker"),
        "test-prowler-connection.txt" => Some("the object of a connection test"),
        _ if name.ends_with(".html") => Some("an HTML report"),
        _ if in_compliance && name.ends_with(".csv") => Some("a compliance report"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_prowlers_other_files_are_skipped() {
        for key in [
            "out/prowler-output-123456789012-20261123.html",
            "out/compliance/prowler-output-123456789012-20261123_cis_3.0_aws.csv",
            "compliance/x.csv",
            "test-prowler-connection.txt",
            "out/test-prowler-connection.txt",
            "out/",
        ] {
            assert!(skip_reason(key).is_some(), "{key}");
        }
        for key in [
            "out/prowler-output-123456789012-20261123.ocsf.json",
            "out/prowler-output-123456789012-20261123.csv",
            "compliance/scan.ocsf.json",
            "compliance.csv",
            "compliance/csv/prowler-output-123456789012-20261123.csv",
            "audit/compliance/prowler/csv/prowler-output-123456789012-20261123.csv",
            "scan",
            "scan.json.gz",
        ] {
            assert_eq!(skip_reason(key), None, "{key}");
        }
    }
}
