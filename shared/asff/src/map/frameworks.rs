//! The compliance frameworks of a check, in the file's order and in Prowler's wording.

use super::text::{cut, fits, is_blank};
use crate::finding::Standard;
use crate::limits::{
    ASSOCIATED_STANDARDS_MAX, RELATED_REQUIREMENT_CHARS_MAX, RELATED_REQUIREMENTS_MAX, STANDARDS_ID_CHARS_MAX,
};

/// Prowler shortens texts that exceed the limit of 64 characters to 63.
const CUT_CHARS: usize = RELATED_REQUIREMENT_CHARS_MAX - 1;

/// Frameworks with their requirements.
#[derive(Debug, Default)]
pub(super) struct Frameworks {
    pub(super) standards: Vec<Standard>,
    pub(super) requirements: Vec<String>,
}

impl Frameworks {
    /// Whether further requirements would be dropped.
    pub(super) fn are_full(&self) -> bool {
        self.requirements.len() >= RELATED_REQUIREMENTS_MAX
    }

    /// Adds one framework: `name first second`.
    pub(super) fn add<'r>(&mut self, name: &str, requirements: impl Iterator<Item = &'r str>) {
        if self.are_full() || is_blank(name) {
            return;
        }
        let mut text = String::with_capacity(RELATED_REQUIREMENT_CHARS_MAX * 2);
        text.push_str(name);
        text.push(' ');
        for (at, requirement) in requirements.enumerate() {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(requirement);
            if !fits(&text, RELATED_REQUIREMENT_CHARS_MAX) {
                break;
            }
        }
        if !fits(&text, RELATED_REQUIREMENT_CHARS_MAX) {
            text.truncate(cut(&text, CUT_CHARS).len());
        }
        self.requirements.push(text);
        if self.standards.len() < ASSOCIATED_STANDARDS_MAX && is_standard(name) {
            self.standards.push(Standard { standards_id: name.to_owned() });
        }
    }

    /// Parses `name: first, second | name: first`.
    pub(super) fn from_cell(cell: &str) -> Self {
        let mut frameworks = Self::default();
        for framework in cell.split(" | ").filter(|framework| !framework.is_empty()) {
            let (name, requirements) = framework.split_once(": ").unwrap_or((framework, ""));
            frameworks.add(name, requirements.split(", "));
        }
        frameworks
    }
}

/// Whether Security Hub accepts a framework's name as the ID of a standard.
pub(super) fn is_standard(name: &str) -> bool {
    !is_blank(name) && fits(name, STANDARDS_ID_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_worded_and_shortened_like_prowlers() {
        let mut frameworks = Frameworks::default();
        frameworks.add("CIS-1.4", ["1.1", "1.2"].into_iter());
        frameworks.add("None", [].into_iter());
        frameworks.add("X", ["é".repeat(62).as_str()].into_iter());
        frameworks.add("X", ["é".repeat(63).as_str()].into_iter());
        assert_eq!(frameworks.requirements[..2], ["CIS-1.4 1.1 1.2", "None "]);
        assert_eq!(frameworks.requirements[2].chars().count(), 64);
        assert_eq!(frameworks.requirements[3].chars().count(), 63);
    }

    #[test]
    fn twenty_standards_and_thirty_two_requirements_are_kept() {
        let cell: Vec<String> = (0..40).map(|number| format!("F{number}: a, b")).collect();
        let frameworks = Frameworks::from_cell(&cell.join(" | "));
        assert_eq!((frameworks.standards.len(), frameworks.requirements.len()), (20, 32));
        assert_eq!(frameworks.requirements[31], "F31 a b");
    }
}
