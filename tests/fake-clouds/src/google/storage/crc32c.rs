//! The checksum of an object's content: CRC-32C, of RFC 3720 (12.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The polynomial of Castagnoli, with the lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

fn crc32c(content: &[u8]) -> u32 {
    let with_bit = |crc: u32, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ POLYNOMIAL };
    !content.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), with_bit))
}

/// Returns the checksum as Cloud Storage writes it: the four bytes in base64, the highest first.
pub(super) fn checksum(content: &[u8]) -> String {
    STANDARD.encode(crc32c(content).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of RFC 3720 (B.4), and of the catalogue of CRCs.
    #[test]
    fn values_are_those_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b""), 0);
    }
}
