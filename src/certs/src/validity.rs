//! From when to when a certificate is valid. Of X.509 only this is needed, so only this is read (RFC 5280, section 4.1).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The first and the last second at which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Of a DER certificate. `None` where it is none.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = expect(SEQUENCE, certificate)?;
        let (mut rest, _) = expect(SEQUENCE, certificate)?;
        if rest.first() == Some(&VERSION) {
            rest = element(rest)?.2;
        }
        // The serial number, the signature's algorithm and the issuer.
        for _ in 0..3 {
            rest = element(rest)?.2;
        }
        let (validity, _) = expect(SEQUENCE, rest)?;
        let (not_before, rest) = time_element(validity)?;
        let (not_after, _) = time_element(rest)?;
        Some(Self { not_before, not_after })
    }
}

fn time_element(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, text, rest) = element(der)?;
    Some((time(tag, str::from_utf8(text).ok()?)?, rest))
}

/// The two forms of a time in a certificate, both in UTC to the second. Two digits of a year mean 1950 to 2049.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let text = match tag {
        UTC_TIME if *text.as_bytes().first()? < b'5' => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, value, rest) = element(der)?;
    (found == tag).then_some((value, rest))
}

/// The first element's tag and value, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        for (year, expected) in [(2049, "2049-06-01T00:00:00Z"), (2050, "2050-06-01T00:00:00Z")] {
            let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 6, 1);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let validity = Validity::of(certificate.der()).unwrap();
            assert_eq!(validity.not_before.to_string(), "1975-01-01T00:00:00Z");
            assert_eq!(validity.not_after.to_string(), expected);
        }
    }

    #[test]
    fn the_last_century_ends_at_50() {
        assert_eq!(time(UTC_TIME, "491231235959Z").unwrap().to_string(), "2049-12-31T23:59:59Z");
        assert_eq!(time(UTC_TIME, "500101000000Z").unwrap().to_string(), "1950-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_cut_off_has_no_end() {
        let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for length in 0..certificate.der().len() {
            assert_eq!(Validity::of(&certificate.der()[..length]), None);
        }
        for garbage in
            [&b"\x30\x80"[..], b"\x30\x85\xff\xff\xff\xff\xff", b"\x30\x84\xff\xff\xff\xff", b"\x31\x00"]
        {
            assert_eq!(Validity::of(garbage), None);
        }
    }
}
