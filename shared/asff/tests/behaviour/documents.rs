//! Several documents in one file: each is read to its end, and unreadable parts are counted.

use asff::{Ending, Outcome, ReadLimits};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{case, findings, outcomes, read, read_with, sample};

/// The UIDs of the findings, the number of malformed entries, and how the file ended.
fn read_file(file: impl Into<Bytes>) -> (Vec<String>, usize, Ending) {
    let (outcomes, ending) = outcomes(file);
    let malformed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Malformed(_))).count();
    let uids: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Finding(mapped) => Some(mapped.finding.resources[0].id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(uids.len() + malformed, outcomes.len(), "{outcomes:?}");
    (uids, malformed, ending)
}

fn entry(name: &str) -> String {
    let mut entry = sample();
    entry["resources"][0]["uid"] = name.into();
    entry["resources"][0]["data"] = Value::Null;
    entry.to_string()
}

fn is_truncated(ending: &Ending) -> bool {
    matches!(ending, Ending::Truncated { .. })
}

#[test]
fn every_document_of_a_file_is_read() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(entry);
    let both = format!(r#"{{"Findings": [{a}, {b}]}}"#);
    let other = format!(r#"{{"Findings":[{c},{d}]}}"#);
    for (what, file) in [
        ("arrays", format!("[{a},{b}]\n[{c},{d}]\n")),
        ("arrays without a line break", format!("[{a},{b}][{c},{d}]")),
        ("arrays with a comma between", format!("[{a},{b}],\n[{c},{d}]")),
        ("arrays with byte order marks", format!("\u{feff}[{a},{b}]\r\n\u{feff}[{c},{d}]")),
        ("a JSON text sequence", format!("\u{1e}[{a},{b}]\n\u{1e}[{c},{d}]\n")),
        ("empty arrays around", format!("[]\n[{a},{b}][]\n[{c},{d}]\n[]")),
        ("arrays in an array", format!("[[{a},{b}],[{c},{d}],[]]")),
        ("pages, one per line", format!("{both}\n{other}\n")),
        ("pages without a line break", format!("{both}{other}")),
        ("pages with a comma between", format!("{both},\n{other}")),
        ("pages in an array", format!("[{both},{other}]")),
        ("empty pages around", format!(r#"{{"Findings":[]}}{both}{{"Findings":[]}}{other}{{"Findings":[]}}"#)),
        ("a page and an array", format!("{both}\n[{c},{d}]")),
        ("an array and a page", format!("[{a},{b}]{other}")),
        ("a page and lines", format!("{both}\n{c}\n{d}\n")),
        ("lines and an array", format!("{a}\n{b}\n[{c},{d}]\n")),
        ("an array and lines", format!("[{a},{b}]\n{c}\n{d}\n")),
        (
            "small letters",
            format!("{}\n{}", both.replace("Findings", "findings"), other.replace("Findings", "FINDINGS")),
        ),
        ("a name with escapes", format!("{}\n{other}", both.replace("Findings", "F\\u0069ndings"))),
        ("lines within a page's list", format!(r#"{{"Findings":[{a}{b}{c},,{d},]}}"#)),
        (
            "other fields before and after",
            format!(
                r#"{{"NextToken":"]}}","Metadata":{{"findings":[{{"x":1}}]}},"Findings":[{a},{b}],"Errors":[{{"Findings":[7]}}]}}
                {{"Total":2,"findings" : [{c},{d}] , "NextToken" : null}}"#
            ),
        ),
        ("an extra bracket", format!("[{a},{b}]]\n[{c},{d}]")),
        ("an extra brace", format!(r#"{{"Findings":[{a},{b}]}}}}[{c},{d}]"#)),
        ("a second scan in a file with the same name", format!("[{a},{b}]{c},{d}]")),
        ("a bracket instead of a comma", format!("[{a},{b},{c}]{d}]")),
        ("a bracket before a comma", format!("[{a},{b}],{c},{d}]")),
        ("a bracket on a line of its own", format!("[{a}\n]\n{b},\n{c},\n{d}\n]\n")),
        ("two lists in a page", format!(r#"{{"Findings":[{a},{b}],"n":1,"findings":[{c},{d}],"m":2}}"#)),
    ] {
        assert_eq!(read_file(file), (["a", "b", "c", "d"].map(str::to_owned).to_vec(), 0, Ending::Complete), "{what}");
    }
}

#[test]
fn bytes_outside_of_documents_are_counted_and_affect_no_entry() {
    let [a, b, c] = ["a", "b", "c"].map(entry);
    for (what, file, lost) in [
        ("a bracket at the beginning", format!("]\n[{a},{b},{c}]"), 1),
        ("entries whose list has no beginning", format!("{a},{b},{c}]"), 1),
        ("text between documents", format!("[{a},{b}]\nwarning: rate exceeded\n[{c}]"), 1),
        ("text after a document", format!("[{a},{b},{c}]\ndone"), 1),
        ("zeros after a document", format!("[{a},{b},{c}]\n\0\0\0\0"), 1),
        ("text after a page", format!(r#"{{"Findings":[{a},{b},{c}]}} done"#), 1),
        ("a number and a text", format!("7 [{a}, \"x\", {b}] null [{c}]"), 2),
    ] {
        // A file that begins with a number is not a known kind of JSON.
        let file = file.trim_start_matches("7 ").to_owned();
        assert_eq!(read_file(file), (["a", "b", "c"].map(str::to_owned).to_vec(), lost, Ending::Complete), "{what}");
    }
}

#[test]
fn a_file_cut_within_a_later_document_is_truncated() {
    let [a, b, c] = ["a", "b", "c"].map(entry);
    for (what, first, second) in [
        ("arrays", format!("[{a}]"), format!("[{b},{c}]")),
        ("pages", format!(r#"{{"Findings":[{a}]}}"#), format!(r#"{{"Findings":[{b},{c}],"NextToken":null}}"#)),
        ("a stray bracket", format!("[{a}]"), format!("{b},{c}]")),
    ] {
        for cut in first.len() + 1..first.len() + second.len() {
            let file = format!("{first}{second}").as_bytes()[..cut].to_vec();
            assert!(is_truncated(&read_file(file).2), "{what}, {cut}");
        }
    }
    // The end of loose entries can't be detected, but a comma shows that another one is missing.
    assert!(is_truncated(&read_file(format!("{a},\n{b},\n")).2));
}

#[test]
fn empty_documents_are_read_to_their_end() {
    for empty in [
        "[]",
        "[ ]\n",
        "[[]]",
        "[][]",
        r#"{"Findings": []}"#,
        r#"{"findings":[],"NextToken":null}"#,
        r#"[{"Findings":[]},{"Findings":[]}]"#,
        "\u{feff}[]",
    ] {
        let (elements, ending) = read(empty);
        assert_eq!((elements.len(), ending), (0, Ending::Complete), "{empty}");
    }
    for cut in ["[", "[[]", r#"{"Findings": ["#, r#"{"Findings": []"#, "[]["] {
        assert!(is_truncated(&read(cut).1), "{cut}");
    }
}

#[test]
fn a_malformed_entry_does_not_affect_other_documents() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(entry);
    let damaged = b.replacen("\"labels\":[", "\"labels\":[[", 1);
    for (what, file) in [
        ("arrays", format!("[{a},{damaged}]\n[{c},{d}]")),
        ("pages", format!("{{\"Findings\":[{a},{damaged}]}}\n{{\"Findings\":[{c},{d}]}}")),
        ("the first of a page", format!("{{\"Findings\":[{a}]}}\n{{\"Findings\":[{damaged},{c},{d}]}}")),
    ] {
        let (uids, lost, ending) = read_file(file);
        assert_eq!((uids.join(""), ending), ("acd".to_owned(), Ending::Complete), "{what}");
        assert!((1..=2).contains(&lost), "{what}: {lost}");
    }
}

#[test]
fn memory_does_not_grow_with_the_other_fields_of_a_page() {
    let a = entry("a");
    let long = "x".repeat(3 << 20);
    let rest = format!(r#""more":["{long}","{long}","{long}"]"#);
    let file = Bytes::from(format!(r#"{{"Findings":[{a}],{rest}}}{{"findings":[{a}]}}"#));
    let (elements, ending, reader) = read_with(ReadLimits::default(), &file, 4096);
    assert_eq!((elements.len(), ending, reader.has_end()), (2, Ending::Complete, false));
}

#[test]
fn lists_that_are_nested_too_deeply_are_counted() {
    let a = entry("a");
    let deep = format!("[{a},{}{a}{}]", "[".repeat(40), "]".repeat(40));
    let (uids, lost, _) = read_file(deep);
    assert!(!uids.is_empty() && lost > 0, "{uids:?}, {lost}");
}

#[test]
fn field_case_two_scans_in_one_file_are_read_completely() {
    let file = case("two-days-appended.ocsf.json");
    let (all, ending) = outcomes(file.clone());
    let expected = memchr::memmem::find_iter(&file, b"\"event_code\"").count();
    let (uids, lost, _) = read_file(file.clone());
    assert_eq!((uids.len(), lost, all.len(), ending), (expected, 0, expected, Ending::Complete));
    let (_, ending) = read(file[..file.len() - 1000].to_vec());
    assert!(is_truncated(&ending));
}

#[test]
fn field_case_entries_after_a_stray_bracket_are_read() {
    let file = case("stray-bracket.ocsf.json");
    let whole = String::from_utf8(file.clone()).unwrap().replacen("}]{", "},{", 1);
    let expected = findings(whole).len();
    let (uids, lost, ending) = read_file(file.clone());
    assert_eq!((uids.len(), lost, ending), (expected, 0, Ending::Complete));
    let ends: Vec<usize> = memchr::memmem::find_iter(&file, b"    },").map(|at| at + 5).collect();
    for cut in [ends[ends.len() - 2], ends[ends.len() - 2] + 1, file.len() - 2, file.len() - 500] {
        assert!(is_truncated(&read(file[..cut].to_vec()).1), "{cut}");
    }
}

#[test]
fn field_case_pages_and_batches_are_read_completely() {
    for (name, expected) in [("pages-appended.asff.json", 60), ("batches-one-a-line.asff.json", 0)] {
        let file = case(name);
        let pages = serde_json::Deserializer::from_slice(&file).into_iter::<Value>();
        let all: usize = pages.map(|page| page.unwrap()["Findings"].as_array().unwrap().len()).sum();
        assert!(expected == 0 || all == expected, "{name} {all}");
        let (uids, lost, ending) = read_file(file.clone());
        assert_eq!((uids.len(), lost, ending), (all, 0, Ending::Complete), "{name}");
        let (_, _, reader) = read_with(ReadLimits::default(), &file.into(), 1000);
        assert!(!reader.has_end());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_of_any_size_result_in_the_same_entries(chunk in 1_usize..300, parts in prop::collection::vec(0_usize..9, 1..8)) {
        let a = json!({"class_uid": 2004, "metadata": {"event_code": "a_b", "product": {"name": "Prowler"}}}).to_string();
        let page = format!(r#"{{"n":[{{"findings":[]}}],"Findings":[{a},{a}],"m":"\\"}}"#);
        let list = format!("[{a},[{a}],]");
        let kinds = [&a, "\n", ",", "\u{feff}", &page, &list, "]", "oops", "[{\"x\":"];
        let file: String = std::iter::once(a.as_str()).chain(parts.iter().map(|&part| kinds[part])).collect();
        let file = Bytes::from(file);
        let (expected, ending, whole) = read_with(ReadLimits::default(), &file, usize::MAX / 2);
        let (found, found_ending, reader) = read_with(ReadLimits::default(), &file, chunk);
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        prop_assert_eq!((found_ending, reader.has_end()), (ending, whole.has_end()));
    }
}
