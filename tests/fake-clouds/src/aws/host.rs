//! Host names of AWS STS and their regions.

use rolebridge_core::aws::{PARTITIONS, Partition, public_sts_host};

/// Returns the region of a public host of AWS STS, or `None` for any other host, such as this fake's own address.
pub(crate) fn region(host: &str) -> Option<&str> {
    // The global endpoint is in us-east-1.
    if host == "sts.amazonaws.com" {
        return Some("us-east-1");
    }
    let rest = host.strip_prefix("sts.").or_else(|| host.strip_prefix("sts-fips."))?;
    let region_in = |partition: &Partition| rest.strip_suffix(partition.dns_suffix)?.strip_suffix('.');
    let candidates = PARTITIONS.iter().filter_map(region_in);
    candidates.chain(rest.strip_suffix(".api.aws")).find(|region| is_region(region))
}

/// Returns true if Google posts subject tokens to the host: public, regional or global, neither FIPS nor dual-stack.
pub(crate) fn is_public(host: &str) -> bool {
    host == "sts.amazonaws.com" || region(host).is_some_and(|region| public_sts_host(region) == host)
}

/// Returns true if a text has the format of a region, such as `us-gov-west-1`.
pub(crate) fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [names @ .., number] = &parts[..] else { return false };
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    names.len() >= 2
        && names.iter().all(is_name)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sts.amazonaws.com", Some("us-east-1"), true)]
    #[case("sts.us-east-2.amazonaws.com", Some("us-east-2"), true)]
    #[case("sts.us-gov-west-1.amazonaws.com", Some("us-gov-west-1"), true)]
    #[case("sts.cn-north-1.amazonaws.com.cn", Some("cn-north-1"), true)]
    #[case("sts.cn-north-1.amazonaws.com", Some("cn-north-1"), false)]
    #[case("sts-fips.us-east-2.amazonaws.com", Some("us-east-2"), false)]
    #[case("sts.us-east-2.api.aws", Some("us-east-2"), false)]
    #[case("sts.us-east-2.amazonaws.com.evil.example", None, false)]
    #[case("sts.evil.example", None, false)]
    #[case("evil-sts.us-east-2.amazonaws.com", None, false)]
    #[case("sts.us-east-2.amazonaws.com:443", None, false)]
    #[case("sts.a.b.amazonaws.com", None, false)]
    #[case("127.0.0.1:8443", None, false)]
    #[case("", None, false)]
    fn region_and_is_public_recognize_sts_hosts(
        #[case] host: &str,
        #[case] expected_region: Option<&str>,
        #[case] public: bool,
    ) {
        assert_eq!((region(host), is_public(host)), (expected_region, public), "{host}");
    }
}
