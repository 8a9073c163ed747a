//! The enumerations that rules and filters use, in one byte each.

use serde::Serialize;

/// Declares an enumeration with the service's names.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub(crate) enum $name { $(#[serde(rename = $text)] $variant),+ }

        impl $name {
            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

names!(
    /// Whether the provider considers the finding current.
    RecordState { Active = "ACTIVE", Archived = "ARCHIVED" }
);

names!(
    /// The result of a check.
    Compliance { Passed = "PASSED", Warning = "WARNING", Failed = "FAILED", NotAvailable = "NOT_AVAILABLE" }
);

names!(
    /// The status of an analyst's work on the finding.
    Workflow { New = "NEW", Notified = "NOTIFIED", Resolved = "RESOLVED", Suppressed = "SUPPRESSED" }
);

names!(
    /// The severity's label.
    Severity {
        Informational = "INFORMATIONAL",
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
        Critical = "CRITICAL",
    }
);

impl Severity {
    /// Label to number (contract 1.6).
    pub(crate) fn normalized(self) -> i64 {
        match self {
            Self::Informational => 0,
            Self::Low => 1,
            Self::Medium => 40,
            Self::High => 70,
            Self::Critical => 90,
        }
    }

    /// Number to label (contract 1.6).
    pub(crate) fn of_normalized(normalized: i64) -> Self {
        match normalized {
            ..=0 => Self::Informational,
            1..=39 => Self::Low,
            40..=69 => Self::Medium,
            70..=89 => Self::High,
            90.. => Self::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract 1.6: severity derivation both ways.
    #[test]
    fn a_label_and_its_number_agree() {
        for label in ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"] {
            let severity = Severity::parse(label).unwrap();
            assert_eq!(Severity::of_normalized(severity.normalized()), severity);
            assert_eq!(severity.name(), label);
        }
        for (normalized, label) in
            [(0, "INFORMATIONAL"), (39, "LOW"), (40, "MEDIUM"), (69, "MEDIUM"), (100, "CRITICAL")]
        {
            assert_eq!(Severity::of_normalized(normalized).name(), label, "{normalized}");
        }
    }
}
