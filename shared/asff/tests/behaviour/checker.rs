//! Security Hub's validation rules, implemented independently of the mapping code.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every rule that a finding violates, named similarly to Security Hub's own error messages.
pub(crate) fn violations(finding: &Value) -> Vec<String> {
    let mut checker = Checker { finding, broken: Vec::new() };
    checker.check();
    checker.broken
}

struct Checker<'a> {
    finding: &'a Value,
    broken: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self) {
        let size = self.finding.to_string().len();
        self.rule(size <= 240 * 1024, "larger than 240 KB");
        self.rule(self.finding["SchemaVersion"] == "2018-10-08", "SchemaVersion");
        for (path, max) in [
            ("/Id", 512),
            ("/ProductArn", 2048),
            ("/GeneratorId", 512),
            ("/Title", 256),
            ("/Description", 1024),
            ("/Resources/0/Type", 256),
            ("/Resources/0/Id", 2048),
            ("/Resources/0/Region", 16),
            ("/Remediation/Recommendation/Url", 32_767),
        ] {
            self.text(path, max);
        }
        if self.finding.pointer("/Remediation/Recommendation/Text").is_some() {
            self.text("/Remediation/Recommendation/Text", 512);
        }
        self.rule(!self.finding["Id"].as_str().is_some_and(|id| id.starts_with("arn:")), "Id is an ARN");
        let account = self.finding["AwsAccountId"].as_str().unwrap_or_default().to_owned();
        self.rule(account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()), "AwsAccountId");
        self.rule(self.finding.get("Severity").is_none() && self.finding.get("Types").is_none(), "top level fields");
        self.times();
        self.types();
        self.maps();
        self.lists();
        self.rule(self.finding["Resources"].as_array().is_some_and(|list| list.len() == 1), "Resources");
        let url = self.finding["Remediation"]["Recommendation"]["Url"].as_str().unwrap_or_default();
        let is_uri = url.starts_with("http")
            && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        self.rule(is_uri, "Url should match format \"uri\"");
    }

    fn rule(&mut self, holds: bool, what: &str) {
        if !holds {
            self.broken.push(what.to_owned());
        }
    }

    fn text(&mut self, path: &str, max: usize) {
        let text = self.finding.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let holds =
            text.chars().any(|letter| !letter.is_whitespace()) && text.chars().count() <= max && text.len() < 32_768;
        self.rule(holds, &format!("{path} should have 1 to {max} characters"));
    }

    fn times(&mut self) {
        for name in ["CreatedAt", "UpdatedAt", "FirstObservedAt"] {
            let time = self.finding[name].as_str().unwrap_or_default();
            let shape: String = time.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
            let holds = matches!(shape.as_str(), "0000-00-00T00:00:00Z" | "0000-00-00T00:00:00.000Z");
            self.rule(holds, name);
        }
    }

    fn types(&mut self) {
        let types = self.finding["FindingProviderFields"]["Types"].as_array().cloned().unwrap_or_default();
        let texts: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
        let unique: BTreeSet<&&str> = texts.iter().collect();
        self.rule((1..=50).contains(&types.len()) && unique.len() == types.len(), "Types: 1 to 50, each once");
        let shaped = texts.iter().all(|text| {
            let parts: Vec<&str> = text.split('/').collect();
            parts.len() <= 3 && parts.iter().all(|part| !part.is_empty())
        });
        self.rule(shaped, "Types should match pattern");
        let label = self.finding["FindingProviderFields"]["Severity"]["Label"].as_str().unwrap_or_default();
        self.rule(["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&label), "Severity.Label");
    }

    fn maps(&mut self) {
        for (path, value_max, charset) in [("/ProductFields", 2048, true), ("/Resources/0/Tags", 256, false)] {
            let Some(map) = self.finding.pointer(path).and_then(Value::as_object) else { continue };
            let mut holds = map.len() <= 50 && !map.is_empty();
            for (key, value) in map {
                holds &= (1..=128).contains(&key.chars().count());
                holds &= value.as_str().is_some_and(|value| value.chars().count() <= value_max);
                holds &= !charset
                    || key.chars().all(|letter| letter.is_ascii_alphanumeric() || " .:+=@_/-".contains(letter));
                holds &= !charset || !key.starts_with("aws/");
            }
            self.rule(holds, path);
        }
    }

    fn lists(&mut self) {
        let compliance = &self.finding["Compliance"];
        let requirements = compliance["RelatedRequirements"].as_array().cloned().unwrap_or_default();
        let holds = requirements.len() <= 32
            && requirements.iter().all(|one| one.as_str().is_some_and(|text| (1..=64).contains(&text.chars().count())));
        self.rule(holds, "RelatedRequirements");
        let standards = compliance["AssociatedStandards"].as_array().cloned().unwrap_or_default();
        let holds = standards.len() <= 20
            && standards.iter().all(|one| one["StandardsId"].as_str().is_some_and(|id| !id.trim().is_empty()));
        self.rule(holds, "AssociatedStandards");
        let status = compliance["Status"].as_str().unwrap_or_default().to_owned();
        self.rule(["PASSED", "WARNING", "FAILED"].contains(&status.as_str()), "Compliance.Status");
    }
}
