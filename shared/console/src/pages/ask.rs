//! The page that asks before a job that can't be undone with one click.

use askama::Template;

use crate::view::integration::Fact;
use crate::visit::Frame;

/// A question, its facts, and the button.
#[derive(Template)]
#[template(path = "ask.html")]
pub(super) struct Ask {
    pub(super) frame: Frame,
    /// The list, and the object of the job: path and name.
    pub(super) parents: [(String, String); 2],
    pub(super) title: String,
    pub(super) warning: String,
    /// The link of the warning: path and text.
    pub(super) review: (String, &'static str),
    pub(super) facts: Vec<Fact>,
    pub(super) action: String,
    /// Hidden fields of the form.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) button: String,
    pub(super) button_class: &'static str,
    /// The statement to confirm. Empty: the button confirms.
    pub(super) confirm: &'static str,
    /// A newer run, because of which the job would be rejected: path and time.
    pub(super) newer: Option<(String, String)>,
}
