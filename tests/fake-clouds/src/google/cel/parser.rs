//! Parses tokens into a tree.

use super::lexer::{Token, tokens};

/// A node of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Bool(bool),
    /// A name with its fields: see [`field`].
    Variable(String),
    List(Vec<Node>),
    Not(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// A condition, and the results for true and false.
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    /// A string method with one argument.
    Call(Method, Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Equal,
    Unequal,
    In,
    Plus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Contains,
    StartsWith,
    EndsWith,
    Extract,
}

impl Method {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "contains" => Self::Contains,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "extract" => Self::Extract,
            _ => return None,
        })
    }
}

/// The binary operators, from the lowest precedence to the highest.
const PRECEDENCE_LEVELS: [&[(&str, Operator)]; 4] = [
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::Unequal), ("in", Operator::In)],
    &[("+", Operator::Plus)],
];

/// Maximum nesting depth; Google has a limit too.
const MAX_DEPTH: usize = 24;

pub(super) fn parse(source: &str) -> Result<Node, String> {
    let tokens = tokens(source)?;
    let mut parser = Parser { rest: &tokens, depth: 0 };
    let node = parser.expression()?;
    match parser.rest.first() {
        None => Ok(node),
        Some(token) => Err(format!("unexpected {}", describe(Some(token)))),
    }
}

struct Parser<'a> {
    rest: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next_is(&self, text: &str) -> bool {
        match self.rest.first() {
            Some(Token::Symbol(symbol)) => *symbol == text,
            Some(Token::Name(name)) => name == text,
            _ => false,
        }
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.next_is(text);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.accept(text) {
            return Ok(());
        }
        Err(format!("expected `{text}`, found {}", describe(self.rest.first())))
    }

    fn expression(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let node = self.binary(0)?;
        let node = if self.accept("?") {
            let then = self.expression()?;
            self.expect(":")?;
            let otherwise = self.expression()?;
            Node::Conditional(node.into(), then.into(), otherwise.into())
        } else {
            node
        };
        self.depth -= 1;
        Ok(node)
    }

    fn binary(&mut self, level: usize) -> Result<Node, String> {
        let Some(operators) = PRECEDENCE_LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.next_is(text)) {
            self.rest = &self.rest[1..];
            let right = self.binary(level + 1)?;
            left = Node::Binary(*operator, left.into(), right.into());
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, String> {
        if self.accept("!") {
            return Ok(Node::Not(self.unary()?.into()));
        }
        let mut node = self.primary()?;
        loop {
            if self.accept(".") {
                let name = self.name()?;
                node = self.member(node, &name)?;
            } else if self.accept("[") {
                node = self.index(&node)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, node: Node, name: &str) -> Result<Node, String> {
        if self.accept("(") {
            let method = Method::from_name(name).ok_or_else(|| format!("unsupported method `{name}`"))?;
            let argument = self.expression()?;
            self.expect(")")?;
            return Ok(Node::Call(method, node.into(), argument.into()));
        }
        variable_field(&node, name)
    }

    fn index(&mut self, node: &Node) -> Result<Node, String> {
        let Some((Token::Text(name), rest)) = self.rest.split_first() else {
            return Err(format!("expected a field name in quotes, found {}", describe(self.rest.first())));
        };
        self.rest = rest;
        self.expect("]")?;
        variable_field(node, name)
    }

    fn primary(&mut self) -> Result<Node, String> {
        let Some((first, rest)) = self.rest.split_first() else { return Err("unexpected end".to_owned()) };
        self.rest = rest;
        match first {
            Token::Text(text) => Ok(Node::Text(text.clone())),
            Token::Name(name) if name == "true" || name == "false" => Ok(Node::Bool(name == "true")),
            Token::Name(name) => Ok(Node::Variable(name.clone())),
            Token::Symbol("(") => {
                let node = self.expression()?;
                self.expect(")")?;
                Ok(node)
            }
            Token::Symbol("[") => self.list(),
            other @ Token::Symbol(_) => Err(format!("unexpected {}", describe(Some(other)))),
        }
    }

    fn list(&mut self) -> Result<Node, String> {
        let mut items = Vec::new();
        while !self.accept("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.expression()?);
        }
        Ok(Node::List(items))
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(Token::Name(name)) = self.rest.first() else {
            return Err(format!("expected a name, found {}", describe(self.rest.first())));
        };
        self.rest = &self.rest[1..];
        Ok(name.clone())
    }
}

fn variable_field(node: &Node, name: &str) -> Result<Node, String> {
    match node {
        Node::Variable(variable) => Ok(Node::Variable(field(variable, name))),
        _ => Err(format!("only a variable has fields, found `{name}`")),
    }
}

/// Returns the name of a variable's field, the same for `.name` and `['name']`.
pub(crate) fn field(variable: &str, name: &str) -> String {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { format!("{variable}.{name}") } else { format!("{variable}['{name}']") }
}

fn describe(token: Option<&Token>) -> String {
    match token {
        None => "the end".to_owned(),
        Some(Token::Name(name)) => format!("`{name}`"),
        Some(Token::Text(text)) => format!("'{text}'"),
        Some(Token::Symbol(symbol)) => format!("`{symbol}`"),
    }
}
