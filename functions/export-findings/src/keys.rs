//! Tells by its key alone that an object is no scan, so that it need not be opened. Only what Prowler is known to write
//! beside its scans; everything else is told by its content.

/// Why an object is not opened; none if it may be a scan.
pub fn no_scan(key: &str) -> Option<&'static str> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let in_compliance = key.split('/').rev().skip(1).any(|folder| folder == "compliance");
    match name {
        "" => Some("a placeholder of a folder"),
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
    fn only_what_prowler_writes_beside_its_scans_is_left_unopened() {
        for key in [
            "out/prowler-output-123456789012-20261123.html",
            "out/compliance/prowler-output-123456789012-20261123_cis_3.0_aws.csv",
            "compliance/x.csv",
            "test-prowler-connection.txt",
            "out/test-prowler-connection.txt",
            "out/",
        ] {
            assert!(no_scan(key).is_some(), "{key}");
        }
        for key in [
            "out/prowler-output-123456789012-20261123.ocsf.json",
            "out/prowler-output-123456789012-20261123.csv",
            "compliance/scan.ocsf.json",
            "compliance.csv",
            "scan",
            "scan.json.gz",
        ] {
            assert_eq!(no_scan(key), None, "{key}");
        }
    }
}
