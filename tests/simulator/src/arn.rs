//! ARNs of products and the partition of a Region (contract 2.1, 4.2).

/// The parts of a product's ARN: `arn:<partition>:securityhub:<region>:<account>:product/<company>/<product>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProductArn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// `company/product`
    pub(crate) slug: &'a str,
}

impl<'a> ProductArn<'a> {
    /// `None` if the text is not the ARN of a product.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let slug = resource.strip_prefix("product/")?;
        let (company, product) = slug.split_once('/')?;
        let account_fits = account.is_empty() || is_account_id(account);
        let whole = arn == "arn" && service == "securityhub" && partition.starts_with("aws") && account_fits;
        let named = !region.is_empty() && !company.is_empty() && !product.is_empty() && !product.contains('/');
        (whole && named).then_some(Self { partition, region, account, slug })
    }
}

/// Exactly twelve digits (contract 1.3).
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The partition of a Region, derived from its name (contract 4.2).
pub(crate) fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

pub(crate) fn hub_arn(region: &str, account: &str) -> String {
    format!("arn:{}:securityhub:{region}:{account}:hub/default", partition_of(region))
}

pub(crate) fn subscription_arn(region: &str, account: &str, slug: &str) -> String {
    format!("arn:{}:securityhub:{region}:{account}:product-subscription/{slug}", partition_of(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prowler_product_has_no_account() {
        let arn = ProductArn::parse("arn:aws-cn:securityhub:cn-north-1::product/prowler/prowler").unwrap();
        let expected = ProductArn { partition: "aws-cn", region: "cn-north-1", account: "", slug: "prowler/prowler" };
        assert_eq!(arn, expected);
        assert_eq!(partition_of(arn.region), "aws-cn");
    }

    #[test]
    fn an_invalid_product_arn_is_reported() {
        for text in [
            "",
            "prowler/prowler",
            "arn:aws:securityhub:us-east-1::product/prowler",
            "arn:aws:securityhub:us-east-1:12:product/prowler/prowler",
            "arn:aws:s3:us-east-1::product/prowler/prowler",
            "arn:aws:securityhub:::product/prowler/prowler",
            "arn:aws:securityhub:us-east-1::product-subscription/prowler/prowler",
        ] {
            assert_eq!(ProductArn::parse(text), None, "{text}");
        }
    }
}
