use crate::model::integration::Integration;
use std::slice::from_ref;

use super::*;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn upload(key: &str, requester: Option<&str>) -> UploadInfo {
    UploadInfo {
        source: format!("s3://scans/{key}"),
        etag: "e".to_owned(),
        bytes: 1,
        modified_at: None,
        requester: requester.map(str::to_owned),
    }
}

fn prefix(text: &str) -> ScanSource {
    ScanSource { prefix: Some(text.to_owned()), uploader_account: None }
}

fn uploader(text: &str) -> ScanSource {
    ScanSource { prefix: None, uploader_account: Some(text.to_owned()) }
}

fn integration(sources: &[ScanSource]) -> Integration {
    let account: AccountId = ACCOUNT.parse().unwrap();
    Integration::new(account).with(|settings| settings.scan_sources = Some(sources.to_vec()))
}

fn accepts(sources: &[ScanSource], key: &str, requester: Option<&str>) -> bool {
    integration(sources).accepts(ACCOUNT.parse().unwrap(), &upload(key, requester))
}

#[test]
fn without_sources_any_upload_is_accepted() {
    assert!(accepts(&[], "any/key", None));
    let account: AccountId = ACCOUNT.parse().unwrap();
    assert!(Integration::new(account).accepts(account, &upload("any/key", Some(OTHER))));
}

#[test]
fn a_prefix_ends_with_a_slash_or_is_the_whole_key() {
    let folder = [prefix("scans/123456789012/")];
    assert!(accepts(&folder, "scans/123456789012/a.json", None));
    assert!(accepts(&folder, "scans/123456789012/2026/a.json", Some(OTHER)));
    for other in ["scans/123456789012", "scans/1234567890123/a", "/scans/123456789012/a", "x/scans/123456789012/a"] {
        assert!(!accepts(&folder, other, None), "{other}");
    }
    let key = [prefix("scans/a.json")];
    assert!(accepts(&key, "scans/a.json", None));
    assert!(!accepts(&key, "scans/a.json.gz", None) && !accepts(&key, "scans/a.jso", None));
}

#[test]
fn a_prefix_matches_the_key_as_s3_stores_it() {
    let folder = [prefix("a b+c/")];
    assert!(accepts(&folder, "a b+c/x", None));
    assert!(!accepts(&folder, "a+b%2Bc/x", None) && !accepts(&folder, "a b c/x", None));
    assert!(!accepts(&[prefix("scans/1/")], "other/../scans/1/x", None), "S3 doesn't resolve ..");
}

#[test]
fn the_placeholder_is_replaced_by_the_account_of_the_finding() {
    let each = [prefix("scans/{account_id}/")];
    let (own, other): (AccountId, AccountId) = (ACCOUNT.parse().unwrap(), OTHER.parse().unwrap());
    let from = upload("scans/123456789012/a.json", None);
    assert!(integration(&each).accepts(own, &from) && !integration(&each).accepts(other, &from));
    assert!(!accepts(&each, "scans/{account_id}/a.json", None));
    let by = upload("x", Some(OTHER));
    let each = [uploader(ACCOUNT_ID)];
    assert!(integration(&each).accepts(other, &by) && !integration(&each).accepts(own, &by));
}

#[test]
fn an_unknown_uploader_never_matches_and_all_fields_must_match() {
    assert!(accepts(&[uploader(OTHER)], "x", Some(OTHER)));
    assert!(!accepts(&[uploader(OTHER)], "x", None) && !accepts(&[uploader(OTHER)], "x", Some(ACCOUNT)));
    assert!(!accepts(&[uploader(OTHER)], "x", Some("s3.amazonaws.com")), "a service that replicates");
    assert!(accepts(&[uploader(OTHER), prefix("y/")], "y/x", None), "one of them is enough");
    let both = ScanSource { uploader_account: Some(OTHER.to_owned()), ..prefix("y/") };
    assert!(accepts(from_ref(&both), "y/x", Some(OTHER)));
    assert!(!accepts(from_ref(&both), "y/x", None) && !accepts(from_ref(&both), "z/x", Some(OTHER)));
    assert!(!accepts(&[ScanSource::default()], "x", Some(OTHER)), "an empty source matches nothing");
}

#[test]
fn a_local_file_is_not_an_upload() {
    let file = UploadInfo { source: "scan.json".to_owned(), ..upload("x", None) };
    assert!(integration(&[prefix("scans/")]).accepts(ACCOUNT.parse().unwrap(), &file));
}

#[test]
fn prefixes_and_uploaders_are_checked() {
    for right in ["a", "a/", "{account_id}/", "a/{account_id}/{account_id}.json", &"x".repeat(PREFIX_BYTES_MAX)] {
        assert!(prefix(right).has_valid_prefix(), "{right}");
    }
    for wrong in ["", "{account}/", "{{account_id}}/", "a{", "}", "{Account_Id}/", &"é".repeat(513)] {
        assert!(!prefix(wrong).has_valid_prefix(), "{wrong}");
    }
    assert!(uploader(ACCOUNT).has_valid_uploader() && uploader(ACCOUNT_ID).has_valid_uploader());
    for wrong in ["", "12345", "{account}", "s3.amazonaws.com", "123456789012 "] {
        assert!(!uploader(wrong).has_valid_uploader(), "{wrong}");
    }
}

#[test]
fn the_accept_command_keeps_other_sources_and_omits_unsafe_keys() {
    let known = ScanSource { uploader_account: Some(OTHER.to_owned()), ..prefix("it's/") };
    let command = |key: &str| integration(from_ref(&known)).accept_command(&upload(key, None));
    let begin = r"hubctl integration configure 123456789012 --scan-source 'uploader-account=210987654321,prefix=it'\''s/' --scan-source ";
    assert_eq!(command("team a/x.json"), format!("{begin}'prefix=team a/'"));
    assert_eq!(command("x.json"), format!("{begin}'prefix=x.json'"));
    for odd in ["'; reboot; '/x", "a\n/x", "{account_id}/x", "$(x)/x", "\u{202e}/x"] {
        assert_eq!(command(odd), format!("{begin}'prefix=PREFIX/'"), "{odd:?}");
    }
}

#[test]
fn the_source_description_is_one_bounded_line() {
    assert_eq!(
        upload("a/b/c.json", Some(OTHER)).described_source(),
        "s3://scans/a/b/ (uploaded by account 210987654321)"
    );
    assert_eq!(upload("c.json", None).described_source(), "s3://scans/ (uploaded by an unknown account)");
    let odd = upload(&format!("a\n{}/x", "b".repeat(1_000)), None).described_source();
    assert!(odd.len() < 300 && !odd.contains('\n'), "{odd}");
}

#[test]
fn a_source_option_is_parsed_back_unchanged() {
    let both = ScanSource { uploader_account: Some(ACCOUNT_ID.to_owned()), ..prefix("a,b/") };
    for source in [prefix("a/"), prefix("uploader-account=1"), uploader(OTHER), both] {
        assert_eq!(source.option_value().parse(), Ok(source));
    }
    for wrong in [
        "",
        "a/",
        "prefix=",
        "prefix={x}/",
        "uploader-account=",
        "uploader-account=1",
        "uploader-account=123456789012,",
    ] {
        assert!(wrong.parse::<ScanSource>().is_err(), "{wrong}");
    }
}
