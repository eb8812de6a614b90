//! Splits an expression into tokens.

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Symbol(&'static str),
}

/// The symbols; a longer one precedes its prefixes.
const SYMBOLS: [&str; 14] = ["&&", "||", "==", "!=", "!", "+", "?", ":", "(", ")", "[", "]", ".", ","];

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, len) = if first == '\'' || first == '"' {
            text(rest, first)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Name(rest[..end].to_owned()), end)
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| format!("unsupported character `{first}`"))?;
            (Token::Symbol(symbol), symbol.len())
        };
        tokens.push(token);
        rest = rest[len..].trim_start();
    }
    Ok(tokens)
}

/// Parses the quoted string at the front. Returns it with its length, quotes included.
fn text(source: &str, quote: char) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut chars = source.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some((_, escaped @ ('\\' | '\'' | '"'))) => text.push(escaped),
                _ => return Err("unsupported escape: expected \\\\, \\' or \\\"".to_owned()),
            },
            end if end == quote => return Ok((Token::Text(text), at + 1)),
            other => text.push(other),
        }
    }
    Err(format!("unterminated string {source}"))
}
