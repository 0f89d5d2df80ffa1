//! What a source text names: paths, macros, and the modules it declares. Knows no rule and no other file.

use super::tree::ModulePath;
use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// Whether code is part of the program or of its tests only (`#[cfg(test)]`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Program,
    Tests,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Path,
    Macro,
}

/// A path as it is written; `use a::{b, c::d}` are the two paths `a::b` and `a::c::d`.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) segments: Vec<String>,
    pub(super) kind: Kind,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) scope: Scope,
    /// The module it is written in.
    pub(super) module: ModulePath,
}

/// `mod name;` or `mod name { … }`.
pub(super) struct Declaration {
    pub(super) module: ModulePath,
    pub(super) scope: Scope,
}

/// What the text of `module` names, and the modules it declares; `None` where the text is not Rust.
pub(super) fn read(text: &str, module: &[String]) -> Option<(Vec<Mention>, Vec<Declaration>)> {
    let tokens: TokenStream = text.parse().ok()?;
    let mut reader = Reader { mentions: Vec::new(), declarations: Vec::new() };
    reader.items(&tokens.into_iter().collect::<Vec<_>>(), module, Scope::Program);
    Some((reader.mentions, reader.declarations))
}

struct Reader {
    mentions: Vec<Mention>,
    declarations: Vec<Declaration>,
}

impl Reader {
    fn items(&mut self, tokens: &[TokenTree], module: &[String], mut scope: Scope) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' => match &tokens[at + 1..] {
                    [TokenTree::Punct(inner), TokenTree::Group(attribute), ..] if inner.as_char() == '!' => {
                        if is_test_only(attribute) {
                            scope = Scope::Tests;
                        }
                        3
                    }
                    [TokenTree::Group(attribute), rest @ ..] if is_test_only(attribute) => {
                        let item = item_length(rest);
                        self.items(&rest[..item], module, Scope::Tests);
                        2 + item
                    }
                    _ => 1,
                },
                TokenTree::Ident(word) if word == "mod" => match &tokens[at + 1..] {
                    [TokenTree::Ident(name), after, ..] => {
                        let inside = [module, &[name.to_string()]].concat();
                        if let TokenTree::Group(body) = after {
                            self.items(&trees(body), &inside, scope);
                        }
                        self.declarations.push(Declaration { module: inside, scope });
                        3
                    }
                    _ => 1,
                },
                TokenTree::Ident(_) => self.path(&[], &tokens[at..], module, scope),
                TokenTree::Group(group) => {
                    self.items(&trees(group), module, scope);
                    1
                }
                _ => 1,
            };
        }
    }

    /// Reads the path that begins with the word at the start of `tokens`; says how many tokens it takes.
    fn path(&mut self, prefix: &[String], tokens: &[TokenTree], module: &[String], scope: Scope) -> usize {
        let line = tokens[0].span().start().line;
        let mut segments = prefix.to_vec();
        segments.push(tokens[0].to_string());
        let mut length = 1;
        while is_separator(&tokens[length..]) {
            match tokens.get(length + 2) {
                Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".to_owned()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(&segments, group, module, scope);
                    return length + 3;
                }
                _ => break,
            }
            length += 3;
        }
        let is_macro =
            matches!(&tokens[length..], [TokenTree::Punct(mark), TokenTree::Group(_), ..] if mark.as_char() == '!');
        let kind = if is_macro { Kind::Macro } else { Kind::Path };
        self.mentions.push(Mention { segments, kind, line, scope, module: module.to_vec() });
        length
    }

    /// The paths of `prefix::{…}`.
    fn branches(&mut self, prefix: &[String], group: &Group, module: &[String], scope: Scope) {
        for branch in trees(group).split(is_comma) {
            match branch {
                [TokenTree::Ident(_), ..] => drop(self.path(prefix, branch, module, scope)),
                [star @ TokenTree::Punct(_), ..] => {
                    let segments = [prefix, &["*".to_owned()]].concat();
                    let (line, module) = (star.span().start().line, module.to_vec());
                    self.mentions.push(Mention { segments, kind: Kind::Path, line, scope, module });
                }
                _ => {}
            }
        }
    }
}

fn trees(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',')
}

/// `::`
fn is_separator(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Punct(first), TokenTree::Punct(second), ..] => {
            first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':'
        }
        _ => false,
    }
}

/// `[cfg(test)]` or `[cfg(all(…, test))]`; with `any` or `not` the program may have it too.
fn is_test_only(attribute: &Group) -> bool {
    fn requires_test(condition: &Group) -> bool {
        match trees(condition).as_slice() {
            [TokenTree::Ident(word)] => word == "test",
            [TokenTree::Ident(word), TokenTree::Group(all)] if word == "all" => {
                trees(all).split(is_comma).any(|part| matches!(part, [TokenTree::Ident(word)] if word == "test"))
            }
            _ => false,
        }
    }
    match trees(attribute).as_slice() {
        [TokenTree::Ident(word), TokenTree::Group(condition)] => word == "cfg" && requires_test(condition),
        _ => false,
    }
}

/// How many tokens the item at the start takes: up to its body or its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    };
    tokens.iter().position(ends).map_or(tokens.len(), |end| end + 1)
}
