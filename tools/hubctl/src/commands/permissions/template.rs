//! Templates of the role that an integration assumes. They are the templates of the directory `deploy`, with the integration's
//! values as defaults, so that both create the same role.

use management::wire::RoleView;
use serde_json::Value;

use super::policy::TemplateFormat;

/// The `CloudFormation` template, also for a `StackSet`.
const CLOUDFORMATION: &str = include_str!("../../../../../deploy/member-role.yaml");
/// The Terraform module, in one file.
const TERRAFORM: &str = include_str!("../../../../../deploy/terraform/main.tf");

/// The role to create.
pub(super) struct Template<'a> {
    pub(super) role: &'a RoleView,
    pub(super) trusted_arns: &'a [String],
    pub(super) accepts: bool,
}

impl Template<'_> {
    /// The template's text.
    pub(super) fn text(&self, form: TemplateFormat) -> String {
        let (path, name) = self.path_and_name();
        let external_id = self.role.external_id.as_deref().unwrap_or_default();
        match form {
            TemplateFormat::CloudFormation => filled(
                CLOUDFORMATION,
                "    Type: ",
                "    Default: ",
                &[
                    ("  TrustedRoleArns:", quoted(&self.trusted_arns.join(","))),
                    ("  ExternalId:", quoted(external_id)),
                    ("  RoleName:", quoted(name)),
                    ("  RolePath:", quoted(&path)),
                    ("  AutoAcceptProduct:", quoted(&self.accepts.to_string())),
                ],
            ),
            TemplateFormat::Policy | TemplateFormat::Trust | TemplateFormat::Terraform => {
                let arns: Vec<String> = self.trusted_arns.iter().map(|arn| hcl(arn)).collect();
                filled(
                    TERRAFORM,
                    "  type        = ",
                    "  default     = ",
                    &[
                        ("variable \"trusted_role_arns\" {", format!("[{}]", arns.join(", "))),
                        ("variable \"external_id\" {", hcl(external_id)),
                        ("variable \"role_name\" {", hcl(name)),
                        ("variable \"role_path\" {", hcl(&path)),
                        ("variable \"auto_accept_product\" {", self.accepts.to_string()),
                    ],
                )
            }
        }
    }

    /// The path, which begins and ends with a slash, and the name.
    fn path_and_name(&self) -> (String, &str) {
        let whole = self.role.arn.split_once(":role/").map_or("", |(_, whole)| whole);
        whole.rsplit_once('/').map_or(("/".to_owned(), whole), |(path, name)| (format!("/{path}/"), name))
    }
}

/// Sets the defaults of parameters in a template. A parameter is identified by its first line; the default follows the type.
fn filled(template: &str, kind: &str, default: &str, values: &[(&str, String)]) -> String {
    // The lines of a parameter are indented.
    let indent = kind.split(char::is_alphabetic).next().unwrap_or_default();
    let mut text = String::with_capacity(template.len());
    let mut current = None;
    for line in template.lines() {
        current = match values.iter().find(|(head, _)| line == *head) {
            Some((_, value)) => Some(value),
            None => current.filter(|_| line.starts_with(indent)),
        };
        let Some(value) = current.filter(|_| line.starts_with(kind) || line.starts_with(default)) else {
            text.extend([line, "\n"]);
            continue;
        };
        if line.starts_with(kind) {
            text.extend([line, "\n", default, value, "\n"]);
        }
    }
    text
}

/// A quoted string in JSON, which is also YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A quoted string for Terraform, which interpolates `${` and `%{`.
fn hcl(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests;
