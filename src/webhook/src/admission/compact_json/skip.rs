//! Steps over parts of a text without control characters, and checks them as `serde_json` does. Each function gets the rest of
//! the text and returns the rest after what it skipped, or `None` if it is unsure.

/// Skips a value. The kinds of the open lists and objects are bits, 1 for an object, after a bit that marks the outermost.
pub(super) fn skip_value(mut rest: &[u8]) -> Option<&[u8]> {
    let mut open = 1_u64;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => skip_string(rest)?,
            [b'{', b'}', rest @ ..]
            | [b'[', b']', rest @ ..]
            | [b't', b'r', b'u', b'e', rest @ ..]
            | [b'f', b'a', b'l', b's', b'e', rest @ ..]
            | [b'n', b'u', b'l', b'l', rest @ ..] => rest,
            [bracket @ (b'{' | b'['), after @ ..] => {
                if open.leading_zeros() == 0 {
                    return None;
                }
                open = open << 1 | u64::from(*bracket == b'{');
                rest = if *bracket == b'{' { skip_key(after)? } else { after };
                continue;
            }
            _ => skip_integer(rest)?,
        };
        loop {
            if open == 1 {
                return Some(rest);
            }
            let (byte, after) = rest.split_first()?;
            match (byte, open & 1) {
                (b',', 1) => break rest = skip_key(after)?,
                (b',', _) => break rest = after,
                (b'}', 1) | (b']', 0) => open >>= 1,
                _ => return None,
            }
            rest = after;
        }
    }
}

/// Skips a key and its colon. Most keys in `managedFields` have an empty object, which is skipped here too.
fn skip_key(rest: &[u8]) -> Option<&[u8]> {
    let mut rest = rest.strip_prefix(b"\"")?;
    loop {
        rest = skip_string(rest)?.strip_prefix(b":")?;
        let Some(after) = rest.strip_prefix(b"{},\"") else { return Some(rest) };
        rest = after;
    }
}

/// Skips a string after its opening quote.
pub(super) fn skip_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest.get(find_special(rest)..)? {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            [b'\\', b'u', digits @ ..] => skip_digits(digits)?,
            _ => return None,
        };
    }
}

/// Skips the four digits of an escape.
#[cold]
fn skip_digits(rest: &[u8]) -> Option<&[u8]> {
    let (digits, rest) = rest.split_first_chunk::<4>()?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(rest)
}

/// Skips an integer.
pub(super) fn skip_integer(rest: &[u8]) -> Option<&[u8]> {
    let digits = rest.strip_prefix(b"-").unwrap_or(rest);
    let count = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let is_integer = count == 1 || count > 1 && digits[0] != b'0';
    let rest = &digits[count..];
    let is_complete = !matches!(rest.first(), Some(b'.' | b'e' | b'E'));
    (is_integer && is_complete).then_some(rest)
}

/// Returns the number of bytes before the next quote or backslash, or the end.
pub(super) fn find_special(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let quotes = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslashes = has_zero(word ^ (ONES * u64::from(b'\\')));
        // Bits above the first one may be wrong, because a subtraction borrows from them.
        let special = (quotes | backslashes) & HIGH;
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}
