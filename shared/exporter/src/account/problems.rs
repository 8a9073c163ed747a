//! Problems because of which no findings of an account are sent, and the commands that fix them.

use asff::{AccountId, ScanFormat};

use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::model::upload::UploadInfo;
use crate::report::reasons::filtered::NOT_AUTHORIZED_SOURCE;
use crate::report::undelivered;
use crate::selection::filter::FilterReason;

/// The account has no integration.
pub(crate) fn no_integration(account: AccountId) -> Problem {
    Problem::new(undelivered::NO_INTEGRATION, format!("account {account} has no integration"))
        .fixed_by(format!("hubctl integration create --provider {account}"))
}

/// The account's integration is disabled. The command also exports the scans that were uploaded in the meantime.
pub(crate) fn integration_disabled(account: AccountId, integration: &Integration) -> Problem {
    let message = format!("the integration of account {account} is disabled");
    Problem::new(undelivered::INTEGRATION_DISABLED, message)
        .fixed_by(format!("hubctl integration enable {} --replay", integration.provider))
}

/// The account is locked by another run.
pub(crate) fn account_locked(message: String) -> Problem {
    Problem::new(undelivered::ACCOUNT_LOCKED, message)
}

/// The integration does not accept the upload.
pub(super) fn not_authorized(account: AccountId, integration: &Integration, upload: &UploadInfo) -> Problem {
    let (provider, source) = (&integration.provider, upload.described_source());
    let message = format!(
        "account {account}: the integration {provider} does not accept scans from {source}; if this source may send findings \
         of the account, accept it, and replay the run"
    );
    Problem::new(NOT_AUTHORIZED_SOURCE, message).fixed_by(integration.accept_command(upload))
}

/// The integration exports another format.
pub(super) fn other_format(account: AccountId, format: ScanFormat, integration: &Integration) -> Problem {
    let (provider, wanted) = (&integration.provider, integration.format);
    let message = format!(
        "account {account}: the scan is in {format}, and the integration exports {wanted}; export {format} instead with"
    );
    Problem::new(FilterReason::OtherFormat.as_str(), message)
        .fixed_by(format!("hubctl integration configure {provider} --format {format}"))
}
