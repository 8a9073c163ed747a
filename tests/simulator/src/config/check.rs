//! Checks of a configuration that its types can't express.

use super::Config;
use crate::arn::is_account_id;

impl Config {
    /// Checks for inconsistent settings.
    ///
    /// # Errors
    ///
    /// The message states the first one.
    pub fn check(&self) -> Result<(), String> {
        for account in &self.accounts {
            if !is_account_id(&account.id) {
                return Err(format!("account {:?} is not twelve digits", account.id));
            }
            for (name, region) in &account.regions {
                let products = region.products.iter().chain(&region.not_offered);
                if let Some(product) = products.into_iter().find(|product| product.split('/').count() != 2) {
                    return Err(format!("product {product:?} in {name} is not of the form company/product"));
                }
            }
        }
        if let Some(id) = &self.default_account
            && !self.accounts.iter().any(|account| account.id == *id)
        {
            return Err(format!("default_account {id:?} is none of the accounts"));
        }
        let ratios = self.faults.iter().filter_map(|fault| fault.ratio);
        if let Some(ratio) = ratios.into_iter().find(|ratio| !(0.0..=1.0).contains(ratio)) {
            return Err(format!("ratio {ratio} is not from 0 to 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inconsistent_configuration_is_reported() {
        let good = Config::one_account("123456789012", &["eu-west-1"]);
        assert_eq!(good.check(), Ok(()));
        let stray = Config { default_account: Some("210987654321".to_owned()), ..good.clone() };
        assert!(stray.check().unwrap_err().contains("none of the accounts"));
        let product = good.region("123456789012", "eu-west-1", |region| region.products.push("prowler".to_owned()));
        assert!(product.check().unwrap_err().contains("company/product"));
        assert!(Config::one_account("1234", &[]).check().unwrap_err().contains("twelve digits"));
    }
}
