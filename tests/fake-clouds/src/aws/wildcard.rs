//! Wildcard patterns of IAM.

/// Returns true if a pattern with `*` and `?` matches a text.
pub(crate) fn wildcard_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut pattern_index, mut last_star, mut star_end) = (0, None, 0);
    let mut text_index = 0;
    while text_index < text.len() {
        match pattern.get(pattern_index) {
            Some('*') => {
                last_star = Some(pattern_index);
                star_end = text_index;
                pattern_index += 1;
            }
            Some(&expected) if expected == '?' || expected == text[text_index] => {
                pattern_index += 1;
                text_index += 1;
            }
            _ => {
                // Backtracks to the last star, which then matches one more character.
                let Some(star_index) = last_star else { return false };
                star_end += 1;
                text_index = star_end;
                pattern_index = star_index + 1;
            }
        }
    }
    pattern[pattern_index..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*", "", true)]
    #[case("a*", "abc", true)]
    #[case("a?c", "abc", true)]
    #[case("a?c", "ac", false)]
    #[case("*b*b", "abab", true)]
    #[case("*b*c", "abab", false)]
    #[case("system:serviceaccount:shop:*", "system:serviceaccount:shop:batch", true)]
    #[case("system:serviceaccount:shop:*", "system:serviceaccount:shop2:batch", false)]
    #[case("abc", "abcd", false)]
    #[case("", "a", false)]
    fn wildcard_match_supports_star_and_question_mark(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] covers: bool,
    ) {
        assert_eq!(wildcard_match(pattern, text), covers, "{pattern} {text}");
    }
}
