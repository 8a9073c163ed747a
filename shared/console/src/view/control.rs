//! Controls of forms: label, input, hint, and errors.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use management::problem::FieldError;

use super::fields::{FIRST_ROWS, Field, Kind, SECTIONS, find};
use super::text::sentence;
use crate::form::Form;

/// Error of a field with a secret, if the form is shown again.
const AGAIN: &str = "Secrets are not shown again; enter it again.";

/// A control.
#[derive(Template)]
#[template(path = "parts/control.html")]
pub(crate) struct Control {
    field: &'static Field,
    value: String,
    error: String,
    options: Vec<Choice>,
}

impl HtmlSafe for Control {}

/// Controls next to each other.
#[derive(Template)]
#[template(path = "parts/row.html")]
pub(crate) struct Row {
    controls: Vec<Control>,
}

impl HtmlSafe for Row {}

/// An option of a list.
struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

impl Control {
    fn kind(&self) -> Kind {
        self.field.kind
    }

    fn is_checked(&self) -> bool {
        !self.value.is_empty()
    }
}

/// The values of a form, and their errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    values: BTreeMap<String, String>,
    errors: BTreeMap<&'static str, String>,
    others: Vec<String>,
}

impl Fields {
    /// Creates the values by field. An unchecked checkbox has no value.
    pub(crate) fn new(values: BTreeMap<String, String>) -> Self {
        Self { values, ..Self::default() }
    }

    /// The values of a form, without secrets.
    pub(crate) fn of(form: &Form) -> Self {
        let known = form.fields().filter(|(name, _)| find(name).is_none_or(|field| field.kind != Kind::Password));
        Self::new(known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a field has this value.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// Whether a checkbox is checked.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Unchecks a checkbox.
    pub(crate) fn clear(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// All values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The control of a field. `None` if the field is unknown.
    pub(crate) fn control(&self, name: &str) -> Option<Control> {
        let field = find(name)?;
        let value = if field.kind == Kind::Password { String::new() } else { self.get(name).to_owned() };
        let options =
            field.options.iter().map(|(option, label)| Choice { value: option, label, is_chosen: value == *option });
        let error = self.errors.get(field.name).cloned().unwrap_or_default();
        Some(Control { field, error, options: options.collect(), value })
    }

    /// The controls of each section, with the legend of the section.
    pub(crate) fn sections(&self) -> Vec<(&'static str, Vec<Row>)> {
        SECTIONS.iter().map(|section| (section.legend, self.rows(section.rows.iter().copied()))).collect()
    }

    /// The controls that the form of a new integration shows first.
    pub(crate) fn first_rows(&self) -> Vec<Row> {
        self.rows(FIRST_ROWS.iter().map(std::slice::from_ref))
    }

    /// The controls that the form of a new integration shows under "more".
    pub(crate) fn more_rows(&self) -> Vec<Row> {
        let rows = SECTIONS.iter().flat_map(|section| section.rows.iter().copied());
        self.rows(rows.filter(|row| !row.iter().any(|name| FIRST_ROWS.contains(name))))
    }

    fn rows<'a>(&self, rows: impl Iterator<Item = &'a [&'a str]>) -> Vec<Row> {
        rows.map(|names| Row { controls: names.iter().filter_map(|name| self.control(name)).collect() }).collect()
    }

    /// Adds an error of a field.
    pub(crate) fn fail(&mut self, name: &str, message: impl Into<String>) {
        match find(name) {
            Some(field) => drop(self.errors.insert(field.name, sentence(&message.into()))),
            None => self.others.push(message.into()),
        }
    }

    /// Adds the API's errors to the corresponding fields of the form.
    pub(crate) fn fail_all(&mut self, errors: &[FieldError], form: &Form) {
        for error in errors {
            self.fail(field_of(&error.field), error.message.clone());
        }
        for secret in ["secret_access_key", "session_token"] {
            if form.given(secret).is_some() && !self.errors.contains_key(secret) {
                self.fail(secret, AGAIN);
            }
        }
    }

    /// The number of fields that need correction.
    pub(crate) fn wrong(&self) -> usize {
        self.errors.len() + self.others.len()
    }

    /// Whether one of these fields needs correction.
    pub(crate) fn is_wrong(&self, name: &str) -> bool {
        self.errors.contains_key(name)
    }

    /// Title of the error summary. `nothing` states what was not done.
    pub(crate) fn heading(&self, nothing: &str) -> String {
        let fields = if self.wrong() == 1 {
            "1 field needs correction".to_owned()
        } else {
            format!("{} fields need correction", self.wrong())
        };
        format!("{fields}. {nothing}")
    }

    /// The errors, each with the anchor of its field.
    pub(crate) fn list(&self) -> Vec<(String, String)> {
        let known = self.errors.iter().filter_map(|(name, message)| {
            find(name).map(|field| (format!("#{}", field.name), format!("{}: {message}", field.label)))
        });
        known.chain(self.others.iter().map(|message| (String::new(), message.clone()))).collect()
    }
}

/// The form field for a field of the API.
fn field_of(path: &str) -> &str {
    match path {
        "credentials.role.arn" => "role_arn",
        "credentials.kind" => "kind",
        "id" => "provider",
        path => {
            let is_name = |part: &&str| part.parse::<usize>().is_err();
            let path = path.strip_prefix("scan_sources.").map_or(path, |_| "scan_sources");
            path.rsplit('.').find(is_name).unwrap_or(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_api_are_shown_at_the_fields_of_the_form() {
        let paths = [
            "credentials.role.arn",
            "credentials.role.external_id",
            "regions.1",
            "scan_sources.0.prefix",
            "id",
            "alias",
        ];
        let names = ["role_arn", "external_id", "regions", "scan_sources", "provider", "alias"];
        assert_eq!(paths.map(field_of), names);
        assert!(names.iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn a_form_that_is_shown_again_contains_no_secrets() {
        let form = Form::parse(b"secret_access_key=planted&session_token=planted2&access_key_id=AKIA");
        let mut fields = Fields::of(&form);
        fields.fail_all(&[], &form);
        let html: String = ["secret_access_key", "session_token", "access_key_id"]
            .into_iter()
            .map(|name| fields.control(name).unwrap().render().unwrap())
            .collect();
        assert!(!html.contains("planted") && html.contains("AKIA") && html.contains("enter it again"), "{html}");
    }
}
