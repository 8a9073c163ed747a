//! Removes the account ID and principals from a report, so that it can be attached to an issue.

/// Characters that end an ARN in a message.
const ENDS: [char; 8] = [' ', '"', '\'', ',', ';', ')', '`', '\n'];
/// Services whose ARNs name principals.
const PRINCIPALS: [&str; 2] = [":iam:", ":sts:"];

/// The text without the account ID and without the ARNs of principals.
pub(crate) fn redacted(text: &str, account: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("arn:") {
        let (before, arn) = rest.split_at(start);
        let (arn, after) = arn.split_at(arn.find(ENDS).unwrap_or(arn.len()));
        result.push_str(before);
        result.push_str(if PRINCIPALS.iter().any(|service| arn.contains(service)) { "PRINCIPAL" } else { arn });
        rest = after;
    }
    result.push_str(rest);
    result.replace(account, "ACCOUNT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_account_nor_the_caller_is_in_a_report() {
        let text = "User: arn:aws:sts::123456789012:assumed-role/admin/alice is not authorized to perform: \
                    securityhub:GetFindings on resource: arn:aws:securityhub:eu-west-1:123456789012:hub/default";
        assert_eq!(
            redacted(text, "123456789012"),
            "User: PRINCIPAL is not authorized to perform: securityhub:GetFindings on resource: \
             arn:aws:securityhub:eu-west-1:ACCOUNT:hub/default"
        );
    }
}
