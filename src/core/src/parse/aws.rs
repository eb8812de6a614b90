//! AWS values: roles, regions, session names, credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::network::host_of;
use crate::aws::{CredentialsSource, RoleArn, is_name_byte};
use crate::identity::Identity;
use crate::invalid_value::InvalidValue;

/// Parses an IAM role ARN: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
///
/// # Errors
/// Returns an error if the text is not the ARN of an IAM role.
pub fn role(text: &str) -> Result<RoleArn<&str>, InvalidValue> {
    RoleArn::parse(text)
}

/// Parses a role session name.
///
/// # Errors
/// Returns an error if the text is not a role session name.
pub fn session_name(text: &str) -> Result<&str, InvalidValue> {
    if (2..=64).contains(&text.len()) && text.bytes().all(is_name_byte) {
        return Ok(text);
    }
    Err(InvalidValue::expected("a role session name: 2 to 64 letters, digits or any of _+=,.@-"))
}

/// Parses a region such as `eu-west-1` or `us-gov-west-1`.
///
/// # Errors
/// Returns an error if the text is not a region.
pub fn region(text: &str) -> Result<&str, InvalidValue> {
    let mut parts = text.split('-').rev();
    let ends_with_number =
        parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let names: Vec<_> = parts.collect();
    let is_lower_case = |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    if ends_with_number && names.len() >= 2 && names.iter().all(is_lower_case) {
        return Ok(text);
    }
    Err(InvalidValue::expected("an AWS region, such as eu-west-1"))
}

/// The areas of all regions. Source: `partitions.json`, which every AWS SDK ships.
const AREAS: &[&str] = &[
    "af", "ap", "ca", "cn", "eu", "eu-isoe", "eusc-de", "il", "me", "mx", "sa", "us", "us-gov", "us-iso",
    "us-isob", "us-isof",
];
/// The directions in the names of regions.
const DIRECTIONS: &[&str] =
    &["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

/// Returns true if a name has the form of AWS's regions: an area, a direction and a number. A Local Zone, an Availability
/// Zone and most misspelt regions have another one. A new region in a known area has it too.
#[must_use]
pub fn is_region_name(text: &str) -> bool {
    let parts = || {
        let (rest, number) = text.rsplit_once('-')?;
        let (area, direction) = rest.rsplit_once('-')?;
        Some((area, direction, number))
    };
    parts().is_some_and(|(area, direction, number)| {
        AREAS.contains(&area)
            && DIRECTIONS.contains(&direction)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Parses the identity that the pod proves.
///
/// # Errors
/// Returns an error if the text is not an identity.
pub fn identity(text: &str) -> Result<Identity, InvalidValue> {
    text.parse()
}

/// Parses the source of AWS credentials.
///
/// # Errors
/// Returns an error if the text is not a source.
pub fn aws_credentials(text: &str) -> Result<CredentialsSource, InvalidValue> {
    text.parse()
}

/// The addresses of the EKS Pod Identity agent, as in the AWS SDKs.
const AGENT_ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Parses the URI of the EKS Pod Identity agent, or of a test's agent on loopback. Requests to the agent are not
/// encrypted, so they must not leave the node.
///
/// # Errors
/// Returns an error if the host is not the agent or a loopback address.
pub fn pod_identity_uri(text: &str) -> Result<&str, InvalidValue> {
    uri_of_address(text, |address| AGENT_ADDRESSES.contains(&address) || address.is_loopback())
}

/// Parses the URI of the EKS Pod Identity agent itself. The agent's two addresses lead to the same agent of the node.
///
/// # Errors
/// Returns an error if the host is not the agent.
pub fn agent_uri(text: &str) -> Result<&str, InvalidValue> {
    uri_of_address(text, |address| AGENT_ADDRESSES.contains(&address))
}

fn uri_of_address(text: &str, is_valid: impl FnOnce(IpAddr) -> bool) -> Result<&str, InvalidValue> {
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
    let rest = text.strip_prefix("http://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host_of(authority).map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let address = host.and_then(|host| host.parse::<IpAddr>().ok());
    if address.is_some_and(is_valid) && path.bytes().all(is_path_byte) {
        return Ok(text);
    }
    Err(InvalidValue::expected(
        "the EKS Pod Identity agent: http://169.254.170.23/v1/credentials or http://[fd00:ec2::23]/v1/credentials",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_accepts_all_partitions_and_rejects_zones() {
        for text in
            ["us-east-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "ap-southeast-10", "mx-central-1"]
        {
            assert!(region(text).is_ok(), "{text}");
        }
        for text in
            ["", "us-east-1a", "us-east", "useast1", "US-EAST-1", "us--1", "-east-1", "eu-west-1.evil.com"]
        {
            assert!(region(text).is_err(), "{text}");
        }
    }

    #[test]
    fn is_region_name_rejects_zones_and_misspelt_regions() {
        for text in [
            "us-east-1",
            "us-gov-west-1",
            "cn-northwest-1",
            "us-isob-east-1",
            "ap-southeast-10",
            "mx-central-1",
            "eusc-de-east-1",
            "eu-isoe-west-1",
        ] {
            assert!(is_region_name(text), "{text}");
        }
        for text in [
            "",
            "us-east-1a",
            "us-west-2-lax-1",
            "us-east-1-wl1-bos-wlz-1",
            "us-esat-1",
            "ue-west-1",
            "eu-west1",
            "EU-WEST-1",
            "eu-west-",
            "global",
            "aws-global",
            "europe-west-1",
        ] {
            assert!(!is_region_name(text), "{text}");
        }
    }

    #[test]
    fn pod_identity_uri_accepts_only_the_agent_and_loopback() {
        for text in [
            crate::aws::POD_IDENTITY_URI,
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:8080/v1/credentials",
            "http://[::1]:8080/v1/credentials",
        ] {
            assert_eq!(pod_identity_uri(text), Ok(text));
            assert_eq!(agent_uri(text).is_ok(), !text.contains(":8080"), "{text}");
        }
        for text in [
            "",
            "not a url",
            "/v1/credentials",
            "http://10.0.0.1/creds",
            "http://169.254.169.254/latest/meta-data",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23@10.0.0.1/",
            "http://[fd00:ec2::254]/",
            "http://169.254.170.23.evil.example/",
            "http://localhost/",
            "https://169.254.170.23/v1/credentials",
            "http://169.254.170.23/v1/credentials#x",
            "http://169.254.170.23/v1 /credentials",
        ] {
            assert!(pod_identity_uri(text).is_err(), "{text}");
        }
    }
}
