//! What a text means, by which it is colored.

/// What a cell means, shown by its color where colors are shown. The text says it as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// A total.
    Strong,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Something is lost or broken.
    Bad,
}
