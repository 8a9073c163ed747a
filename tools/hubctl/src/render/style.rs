//! Styles of text.

/// The style of a cell. Its meaning is also in the text, since colors may be disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextStyle {
    /// Default.
    Plain,
    /// A total.
    Strong,
    /// No problem.
    Good,
    /// Needs attention.
    Warning,
    /// A problem.
    Bad,
}
