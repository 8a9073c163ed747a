//! What an operation came to.

use crate::records::Tally;
use crate::response::Response;

/// An operation's answer and what it did.
pub(crate) struct Done {
    pub(crate) response: Response,
    pub(crate) tally: Tally,
}

impl From<Response> for Done {
    fn from(response: Response) -> Self {
        Self { response, tally: Tally::default() }
    }
}
