//! The result of an operation.

use crate::records::Tally;
use crate::response::Response;

/// The response of an operation, and its effects for the call log.
pub(crate) struct Done {
    pub(crate) response: Response,
    pub(crate) tally: Tally,
}

impl From<Response> for Done {
    fn from(response: Response) -> Self {
        Self { response, tally: Tally::default() }
    }
}
