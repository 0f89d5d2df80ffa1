//! Amazon's resource names: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.

/// A resource name, taken apart: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `secretsmanager`, `ssm`, `iam`.
    pub service: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account's twelve digits.
    pub account: &'a str,
    /// What is left: `secret:acme/production-AbCdEf`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads a name; none where it is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let arn = (parts.next()?, parts.next()?);
        let (service, region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let whole = arn.0 == "arn" && !arn.1.is_empty() && !service.is_empty() && !resource.is_empty();
        whole.then_some(Self { service, region, account, resource })
    }

    /// The scope of an address: what really answered.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let arn = Arn::parse("arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/production-AbCdEf").unwrap();
        assert_eq!(arn.scope(), "123456789012/eu-central-1");
        assert_eq!((arn.service, arn.resource), ("secretsmanager", "secret:acme/production-AbCdEf"));
        for text in ["", "acme/production", "arn:aws:ssm", "urn:aws:ssm:r:a:x", "arn:aws:ssm:r:a:"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
