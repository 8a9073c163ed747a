//! Why a check or a whole run can't continue.

use crate::response::ServiceResponse;

/// Error codes of rejected credentials.
const CREDENTIALS: [&str; 8] = [
    "ExpiredToken",
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];

/// Why a check or a whole run can't continue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A permission is missing, or a policy denies the call.
    #[error("{message}")]
    Denied {
        /// The IAM action that is denied.
        action: &'static str,
        /// The service's message.
        message: String,
    },
    /// The credentials are missing or rejected.
    #[error("{0}")]
    Credentials(String),
    /// Security Hub is not enabled.
    #[error("{0}")]
    HubDisabled(String),
    /// Security Hub does not accept the Prowler product.
    #[error("{0}")]
    ProductNotAccepted(String),
    /// No response, throttled, or a failure of the service, after all retries.
    #[error("{0}")]
    Unavailable(String),
    /// The service rejected a finding that the check depends on.
    #[error("{0}")]
    Rejected(String),
    /// `GetFindings` did not return a finding that the check depends on.
    #[error("the finding was not visible within {0} s")]
    NotVisible(u64),
}

impl Stop {
    /// The error in a response, if it concerns the caller: permissions, credentials, or a disabled Security Hub.
    pub(crate) fn from_response(action: &'static str, response: &ServiceResponse) -> Option<Self> {
        if CREDENTIALS.iter().any(|code| response.is_code(code)) {
            return Some(Self::Credentials(response.text()));
        }
        if response.is_code("InvalidAccess") {
            return Some(Self::HubDisabled(response.text()));
        }
        let is_denied =
            response.is_code("AccessDenied") || (response.status == 403 && response.message.contains("not authorized"));
        is_denied.then(|| Self::Denied { action, message: response.text() })
    }

    /// How to fix the problem: a permission, a command, or credentials. `None` if only a retry may help.
    pub fn remediation(&self, region: &str) -> Option<String> {
        match self {
            Self::Denied { action, message } if message.contains("explicit deny") => {
                Some(format!("a policy denies {action} explicitly: exempt your principal in that policy"))
            }
            Self::Denied { action, .. } => Some(format!("add {action} to the permissions of your principal")),
            Self::Credentials(_) => Some(format!(
                "to see your identity: aws sts get-caller-identity; the Region must be enabled for the account: aws account \
                 get-region-opt-status --region-name {region}"
            )),
            Self::HubDisabled(_) => {
                Some(format!("aws securityhub enable-security-hub --no-enable-default-standards --region {region}"))
            }
            Self::ProductNotAccepted(arn) => Some(format!(
                "aws securityhub enable-import-findings-for-product --region {region} --product-arn {arn}"
            )),
            Self::Unavailable(_) | Self::Rejected(_) | Self::NotVisible(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, code: &str, message: &str) -> ServiceResponse {
        ServiceResponse {
            code: Some(code.to_owned()),
            message: message.to_owned(),
            ..ServiceResponse { status, ..ServiceResponse::ok(().into()) }
        }
    }

    #[test]
    fn a_missing_permission_names_the_action_to_add() {
        let action = "securityhub:GetFindings";
        let denied = Stop::from_response(action, &response(403, "AccessDeniedException", "not authorized")).unwrap();
        assert_eq!(
            denied.remediation("eu-west-1").unwrap(),
            "add securityhub:GetFindings to the permissions of your principal"
        );
        let policy = response(403, "AccessDeniedException", "not authorized ... with an explicit deny in an SCP");
        assert!(Stop::from_response(action, &policy).unwrap().remediation("eu-west-1").unwrap().contains("explicitly"));
    }

    #[test]
    fn an_error_about_the_request_is_not_an_error_of_the_caller() {
        assert_eq!(Stop::from_response("a", &response(400, "InvalidInputException", "no")), None);
        assert_eq!(Stop::from_response("a", &response(500, "AuthorizerConfigurationException", "no")), None);
        let off =
            Stop::from_response("a", &response(401, "InvalidAccessException", "Account 1 is not subscribed")).unwrap();
        assert!(off.remediation("eu-west-1").unwrap().contains("enable-security-hub"));
    }
}
