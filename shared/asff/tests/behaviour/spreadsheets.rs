//! CSV files that were saved again by spreadsheets or PowerShell are read if no data was lost. Otherwise they are rejected with
//! the cause.

use asff::{Ending, FileRejection, Mapped, Outcome, QuarantineCode};

use crate::support::{case, encoded, findings, outcomes, plain, read};

fn original() -> String {
    String::from_utf8(case("as-prowler-wrote-it.csv")).unwrap()
}

fn ids(findings: &[Mapped]) -> Vec<&str> {
    findings.iter().map(|mapped| mapped.finding.id.as_str()).collect()
}

/// The cells of a CSV file in Prowler's format.
fn cells(table: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = table.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ';' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
    }
    rows
}

/// The same cells in another program's format.
fn written(rows: &[Vec<String>], delimiter: &str, line_end: &str) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(delimiter) + line_end).collect()
}

fn rejection_of(file: impl Into<bytes::Bytes>) -> String {
    match read(file) {
        (elements, Ending::Rejected(rejection)) if elements.is_empty() => rejection.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn field_case_a_csv_file_that_lost_no_data_is_read_unchanged() {
    let expected: Vec<_> = findings(original()).iter().map(encoded).collect();
    assert_eq!(expected.len(), 10);
    let rows = cells(&original());
    for (what, file) in [
        ("commas", case("saved-with-commas.csv")),
        ("a sep line", case("sep-line.csv")),
        ("every cell quoted", written(&rows, ";", "\r\n").into()),
        ("commas, quoted", written(&rows, ",", "\n").into()),
        ("tabs", written(&rows, "\t", "\r\n").into()),
        (
            "PowerShell",
            format!("#TYPE System.Management.Automation.PSCustomObject\r\n{}", written(&rows, ",", "\r\n")).into(),
        ),
        ("a sep line for commas", format!("\u{feff}\"sep=,\"\r\n{}", written(&rows, ",", "\r\n")).into()),
    ] {
        let found: Vec<_> = findings(file).iter().map(encoded).collect();
        assert!(found == expected, "{what}");
    }
}

#[test]
fn cells_that_a_spreadsheet_omitted_at_the_end_are_empty() {
    let mut rows = cells(&original());
    for row in rows.iter_mut().skip(3) {
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
    }
    let found = findings(written(&rows, ",", "\r\n"));
    assert_eq!(ids(&found), ids(&findings(original())));
}

#[test]
fn concatenated_csv_files_are_read_by_their_own_header_rows() {
    let rows = cells(&original());
    let twice = [original(), original()].concat();
    let expected = findings(original());
    assert_eq!(findings(twice).len(), 2 * expected.len());
    let last = rows[0].len() - 1;
    let moved: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.swap(2, last);
            row
        })
        .collect();
    // The first name is unchanged, so that the row is recognized as a header row.
    let both = findings([written(&rows, ";", "\n"), written(&moved, ";", "\n")].concat());
    assert_eq!(ids(&both[expected.len()..]), ids(&expected));
}

#[test]
fn field_case_a_csv_file_that_lost_data_is_rejected_with_the_cause() {
    let one_cell = rejection_of(case("powershell-rows-in-one-cell.csv"));
    assert!(one_cell.contains("each row is one quoted cell") && one_cell.contains("-Delimiter ';'"), "{one_cell}");
    let encoding = rejection_of(case("saved-in-windows-1252.csv"));
    assert!(encoding.contains("not UTF-8 but one such as Windows-1252"), "{encoding}");
    assert!(rejection_of(original().replace('\n', "\r")).contains("CR only"));
    let rows = cells(&original());
    for (column, wrong, expected_message) in [
        ("ACCOUNT_UID", "1.23457E+11", "the account ID became \"1.23457E+11\""),
        ("ACCOUNT_UID", "12345678901", "the account ID became"),
        ("TIMESTAMP", "56:24.5", "the time became \"56:24.5\""),
        ("TIMESTAMP", "23.11.2026 07:56", "the time became"),
        ("RESOURCE_UID", "1.23457E+11", "the resource's uid became"),
    ] {
        let at = rows[0].iter().position(|name| name == column).unwrap();
        let mut changed = rows.clone();
        changed.iter_mut().skip(1).for_each(|row| row[at] = wrong.to_owned());
        let message = rejection_of(written(&changed, ",", "\r\n"));
        assert!(message.contains(expected_message) && message.contains("upload the original file"), "{message}");
    }
}

#[test]
fn a_changed_cell_is_quarantined_with_the_cause() {
    let rows = cells(&original());
    for (column, wrong, code) in [
        ("ACCOUNT_UID", "1.23457E+11", QuarantineCode::InvalidAccount),
        ("RESOURCE_UID", "4.2E+21", QuarantineCode::InvalidField),
        ("TIMESTAMP", "46349.33", QuarantineCode::InvalidField),
        ("MUTED", "WAHR", QuarantineCode::InvalidField),
    ] {
        let at = rows[0].iter().position(|name| name == column).unwrap();
        let mut changed = rows.clone();
        changed[4][at] = wrong.to_owned();
        let (outcomes, ending) = outcomes(written(&changed, ";", "\n"));
        assert_eq!((outcomes.len(), ending), (10, Ending::Complete));
        let Outcome::Quarantined(entry) = &outcomes[3] else { panic!("{:?}", outcomes[3]) };
        assert_eq!(entry.code, code);
        assert!(entry.message.contains(wrong) && entry.message.contains("spreadsheet"), "{}", entry.message);
        assert_eq!(entry.location().account.is_none(), column == "ACCOUNT_UID");
    }
}

#[test]
fn a_row_in_another_encoding_is_reported_with_its_account() {
    let table = plain("5.8.1-scan.csv.gz");
    let second = memchr::memmem::find_iter(&table, b"\r\n").nth(1).unwrap() + 2;
    let third = memchr::memmem::find(&table[second..], b"\r\n").unwrap() + second;
    let mut file = table[..third].to_vec();
    let at = memchr::memmem::find(&file[second..], b" the ").unwrap() + second;
    file[at + 1] = 0xfc;
    file.extend_from_slice(&table[third..]);
    let (outcomes, ending) = outcomes(file);
    assert_eq!((outcomes.len(), ending), (357, Ending::Complete));
    let Outcome::Malformed(malformed) = &outcomes[1] else { panic!("{:?}", outcomes[1]) };
    assert!(malformed.reason.contains("Windows-1252"), "{}", malformed.reason);
    let location = &malformed.location;
    assert!(location.account.is_some() && location.region.is_some() && location.check_id.is_some(), "{location:?}");
}

#[test]
fn formula_protected_cells_result_in_the_ids_of_other_formats() {
    let rows = cells(&original());
    let place = |name: &str| rows[0].iter().position(|other| other == name).unwrap();
    for (version, guarded, uid) in [
        ("5.46.0", "'@scope/name", "@scope/name"),
        ("5.45.0", "' =a", " =a"),
        ("5.45.0", "'-5", "'-5"),
        ("5.44.9", "'@scope/name", "'@scope/name"),
    ] {
        let mut changed = rows.clone();
        changed[1][place("RESOURCE_UID")] = guarded.to_owned();
        changed.iter_mut().skip(1).for_each(|row| row[place("PROWLER_VERSION")] = version.to_owned());
        let found = findings(written(&changed, ";", "\n")).remove(0);
        assert_eq!(found.finding.product_fields.get("ProwlerResourceName"), Some(uid), "{version} {guarded}");
    }
}

#[test]
fn markup_is_detected() {
    let html = [
        "<!DOCTYPE html><html></html>",
        "<!-- report -->\n<HTML lang='en'>",
        "<?xml version=\"1.0\"?><html xmlns=\"x\">",
    ];
    for page in html {
        assert_eq!(read(page).1, Ending::Rejected(FileRejection::Html), "{page}");
    }
    for (file, expected_message) in [
        (
            "<?xml version=\"1.0\"?>\n<testsuites name=\"prowler\">",
            "the file is a JUnit report (XML), not a scan result",
        ),
        ("<testsuite tests=\"1\">", "the file is a JUnit report (XML)"),
        ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "the file is XML"),
    ] {
        assert!(rejection_of(file).starts_with(expected_message), "{}", rejection_of(file));
    }
}
