//! The fields of the forms. Names are those of the API. Labels and hints are those of Prowler App, if its page has them.

/// Input type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Mono,
    /// Text, with the providers as suggestions.
    Provider,
    Number,
    Password,
    Select,
    Check,
    Lines,
}

/// A field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// Text after the label, such as `(optional)`.
    pub(crate) note: &'static str,
    pub(crate) kind: Kind,
    pub(crate) hint: &'static str,
    pub(crate) placeholder: &'static str,
    /// Values and labels of the options of a list.
    pub(crate) options: &'static [(&'static str, &'static str)],
}

const fn field(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { name, label, note: "", kind, hint: "", placeholder: "", options: &[] }
}

impl Field {
    const fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    const fn placeholder(self, placeholder: &'static str) -> Self {
        Self { placeholder, ..self }
    }

    const fn options(self, options: &'static [(&'static str, &'static str)]) -> Self {
        Self { options, ..self }
    }
}

/// Minimum severities.
const SEVERITIES: [(&str, &str); 5] =
    [("", "All"), ("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High"), ("CRITICAL", "Critical")];

/// The settings of an integration, and `alias` and `scan_schedule` of its provider.
pub(crate) const SETTINGS: &[Field] = &[
    field("provider", "AWS provider", Kind::Provider).hint(
        "A 12-digit AWS account ID, or an organization ID (o-…) to cover all accounts of the organization with one integration.",
    ),
    field("alias", "Name", Kind::Text).note("(optional)"),
    field("scan_schedule", "Scan schedule", Kind::Mono)
        .note("(optional)")
        .hint("rate(1 day) or cron(0 3 * * ? *), UTC. Used to show the next scan and to notify you of missing scans."),
    field("only_failed", "Send failed findings only", Kind::Check).hint(
        "Recommended: most findings of a scan are passed, and AWS Security Hub CSPM charges for each finding sent.",
    ),
    field("archive_previous_findings", "Archive previous findings", Kind::Check).hint(
        "Archives findings that a newer, complete scan reports as passed or muted, or no longer contains although their checks \
         ran. Archiving more than the limit of an account's active findings requires your approval. You can undo it.",
    ),
    field("severity_min", "Minimum severity", Kind::Select).options(&SEVERITIES),
    field("muted", "Muted findings", Kind::Select).options(&[
        ("as_prowler", "Like Prowler: omit if failed only"),
        ("omit", "Omit"),
        ("send", "Send as WARNING"),
    ]),
    field("resend", "Send in each scan", Kind::Select)
        .options(&[("changed", "New and changed, plus monthly refresh"), ("always", "All findings, as Prowler does")]),
    field("format", "Format", Kind::Select).options(&[("ocsf", "OCSF"), ("asff", "ASFF"), ("csv", "CSV")]),
    field("archive_scope", "Archive scope", Kind::Select).options(&[
        ("full", "Full: the whole account"),
        ("partial", "Partial: some checks or Regions"),
        ("observed", "Observed: passed or muted only"),
    ]),
    field("archive_limit_percent", "Require approval above", Kind::Number)
        .hint("Percentage of the account's active findings."),
    field("absent_scans", "Archive absent findings after", Kind::Number)
        .hint("Consecutive complete scans, if the check itself has no results."),
    field("partial_scan_percent", "Scan looks partial below", Kind::Number)
        .hint("Percentage of the results or checks of the last complete scan."),
    field("regions", "Allowed Regions", Kind::Mono).placeholder("every enabled Region").hint("Separated by commas."),
    field("fallback_region", "Fallback Region", Kind::Mono).placeholder("none"),
    field("scan_sources", "Scan sources", Kind::Lines)
        .placeholder("any")
        .hint("One per line: prefix=scans/{account_id}/ or uploader-account=ID. Empty: any source."),
    field("auto_accept_product", "Accept the Prowler product automatically", Kind::Check)
        .hint("In Regions where Security Hub is enabled but the product is not accepted yet."),
];

/// A section of the form with the settings.
pub(crate) struct Section {
    pub(crate) legend: &'static str,
    /// The names of the settings in each row.
    pub(crate) rows: &'static [&'static [&'static str]],
}

/// The position of each setting in the forms.
pub(crate) const SECTIONS: [Section; 3] = [
    Section {
        legend: "Findings to send",
        rows: &[&["only_failed"], &["severity_min", "muted"], &["resend", "format"]],
    },
    Section {
        legend: "Archiving",
        rows: &[
            &["archive_previous_findings"],
            &["archive_scope", "archive_limit_percent"],
            &["absent_scans", "partial_scan_percent"],
        ],
    },
    Section {
        legend: "Regions and sources",
        rows: &[&["regions", "fallback_region"], &["scan_sources"], &["auto_accept_product"]],
    },
];

/// Rows that the form of a new integration shows first.
pub(crate) const FIRST_ROWS: [&str; 2] = ["only_failed", "archive_previous_findings"];

/// The fields of credentials.
pub(crate) const CREDENTIALS: [Field; 9] = [
    field("kind", "Credentials", Kind::Text),
    field("access_key_id", "Access key ID", Kind::Mono),
    field("secret_access_key", "Secret access key", Kind::Password),
    field("session_token", "Session token", Kind::Password).note("(temporary keys only)"),
    field("secret", "Secret in AWS Secrets Manager", Kind::Mono)
        .hint("Name or ARN of a secret that contains the key, instead of the key itself."),
    field("role_arn", "Role ARN", Kind::Mono),
    field("external_id", "External ID", Kind::Mono)
        .hint("The role's trust policy must require it. Not a secret. Empty: unchanged, or generated for a new role."),
    field("session_name", "Session name", Kind::Text).placeholder("securityhub-exporter"),
    field("duration_seconds", "Duration, seconds", Kind::Number).placeholder("3600"),
];

/// A field by its name.
pub(crate) fn find(name: &str) -> Option<&'static Field> {
    const ALL: [&[Field]; 2] = [SETTINGS, &CREDENTIALS];
    ALL.into_iter().flatten().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use exporter::model::integration::{SETTINGS as DECLARED, SettingKind};

    use super::*;

    /// A form resets each setting that it doesn't show.
    #[test]
    fn each_setting_of_an_integration_is_in_the_forms() {
        // `enabled` has buttons instead.
        let declared: BTreeSet<&str> =
            DECLARED.iter().map(|setting| setting.name).filter(|name| *name != "enabled").collect();
        let shown: Vec<&str> = SECTIONS.iter().flat_map(|section| section.rows.concat()).collect();
        assert_eq!(shown.len(), declared.len());
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), declared);
        let others = ["provider", "alias", "scan_schedule"];
        let fields: BTreeSet<&str> =
            SETTINGS.iter().map(|field| field.name).filter(|name| !others.contains(name)).collect();
        assert_eq!(fields, declared);
    }

    #[test]
    fn a_field_has_the_input_type_and_values_of_its_setting() {
        for setting in DECLARED.iter().filter(|setting| setting.name != "enabled") {
            let field = find(setting.name).unwrap();
            let kinds: &[Kind] = match &setting.kind {
                SettingKind::Boolean => &[Kind::Check],
                SettingKind::Integer(_) => &[Kind::Number],
                SettingKind::Word(_) => &[Kind::Select],
                SettingKind::Region | SettingKind::Regions => &[Kind::Mono],
                SettingKind::ScanSources => &[Kind::Lines],
            };
            assert!(kinds.contains(&field.kind), "{}", field.name);
            if let SettingKind::Word(words) = &setting.kind {
                // The minimum severity "All" is INFORMATIONAL, the lowest severity.
                let shown = field.options.iter().map(|(word, _)| if word.is_empty() { "INFORMATIONAL" } else { word });
                assert_eq!(shown.collect::<Vec<_>>(), *words, "{}", field.name);
            }
        }
    }
}
