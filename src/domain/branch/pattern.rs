//! Patterns of branch names: `main`, `release-*`, `feature/{topic}`, `**`.
//!
//! Where several readings fit, the earlier wildcard takes as few characters as it can, so a match is always the same.

use super::{BranchName, Captures, SpellingError, is_capture_name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A pattern of branch names. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchPattern {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// These characters.
    Literal(Vec<char>),
    /// `*`: any characters of one segment, also none.
    Within,
    /// `**`: any characters, slashes too.
    Across,
    /// `**/` at the beginning of a segment: any segments, also none.
    Folders,
    /// `{name}`: one or more characters of one segment.
    Capture(String),
    /// `{name..}`: one or more characters to the end, slashes too.
    Rest(String),
}

impl BranchPattern {
    /// Reads a pattern. `*` stands for any characters within a segment, `**` across segments, `{name}` for one
    /// segment or a part of it, `{name..}` for the rest; a `/` at the end means `/**`.
    ///
    /// # Errors
    /// What cannot match any branch, and spellings of other tools (`!`, `{a,b}`, `?`, `[`), each with what to write
    /// instead.
    pub fn parse(text: &str) -> Result<Self, SpellingError> {
        check_spelling(text)?;
        let completed = if text.ends_with('/') { format!("{text}**") } else { text.to_owned() };
        let tokens = tokens(&completed)?;
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches one name only.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Literal(_)))
    }

    /// The names of its captures.
    #[must_use]
    pub fn captures(&self) -> BTreeSet<&str> {
        self.tokens.iter().filter_map(Token::name).collect()
    }

    /// What the captures stand for in `branch`; none where it does not match. The workspace branch of another tool
    /// matches nothing. Time and space are proportional to the pattern times the name.
    #[must_use]
    pub fn matches(&self, branch: &BranchName) -> Option<Captures> {
        if branch.is_tool_workspace() {
            return None;
        }
        let name: Vec<char> = branch.as_str().chars().collect();
        let fits = fits(&self.tokens, &name);
        if !fits[0][0] {
            return None;
        }
        let mut captures = BTreeMap::new();
        let mut position = 0;
        for (index, token) in self.tokens.iter().enumerate() {
            let end = token.shortest(&name, position, &fits[index + 1]);
            if let Some(capture) = token.name() {
                captures.insert(capture.to_owned(), name[position..end].iter().collect());
            }
            position = end;
        }
        Some(Captures(captures))
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Token {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Capture(name) | Self::Rest(name) => Some(name),
            _ => None,
        }
    }

    /// The nearest end of this token's part from `start` on from where the rest fits. The caller knows that one is.
    fn shortest(&self, name: &[char], start: usize, rest_fits: &[bool]) -> usize {
        let first = match self {
            Self::Literal(literal) => return start + literal.len(),
            Self::Within | Self::Across | Self::Folders => start,
            Self::Capture(_) | Self::Rest(_) => start + 1,
        };
        let may_end = |end: usize| !matches!(self, Self::Folders) || end == start || name[end - 1] == '/';
        (first..=name.len()).find(|end| rest_fits[*end] && may_end(*end)).unwrap_or(name.len())
    }
}

/// `fits[t][n]`: whether the tokens from `t` on match the name from `n` on. Filled from the back, so that nothing is
/// tried twice.
fn fits(tokens: &[Token], name: &[char]) -> Vec<Vec<bool>> {
    let length = name.len();
    let mut fits = vec![vec![false; length + 1]; tokens.len() + 1];
    fits[tokens.len()][length] = true;
    for (index, token) in tokens.iter().enumerate().rev() {
        let (before, after) = fits.split_at_mut(index + 1);
        let (here, next) = (&mut before[index], &after[0]);
        // For `**/`: whether the rest fits behind some later slash.
        let mut behind_slash = false;
        for position in (0..=length).rev() {
            let char = name.get(position).copied();
            let longer = |row: &[bool]| position < length && row[position + 1];
            here[position] = match token {
                Token::Literal(literal) => name[position..].starts_with(literal) && next[position + literal.len()],
                Token::Within => next[position] || (char != Some('/') && longer(here)),
                Token::Across => next[position] || longer(here),
                Token::Folders => {
                    behind_slash |= char == Some('/') && next[position + 1];
                    next[position] || behind_slash
                }
                Token::Capture(_) => char != Some('/') && (longer(next) || longer(here)),
                Token::Rest(_) => longer(next) || longer(here),
            };
        }
    }
    fits
}

/// What can be said before the pattern is taken apart.
fn check_spelling(text: &str) -> Result<(), SpellingError> {
    let wrong = |message: &str| Err(SpellingError::new(format!("branch pattern {text:?} {message}")));
    if text.is_empty() {
        return Err(SpellingError::new("a branch pattern is empty").hint("\"**\" matches every branch"));
    }
    if text.starts_with('!') {
        return wrong("cannot exclude branches").map_err(|error| {
            error.hint("the first environment with a matching branch wins: list the exception above, without \"!\"")
        });
    }
    if let Some(name) = text.strip_prefix("refs/heads/") {
        return wrong("is a full reference").map_err(|error| error.hint(format!("write {name:?}")));
    }
    if text.starts_with('/') || text.contains("//") {
        return wrong("has an empty segment").map_err(|error| error.hint("write \"feature/*\""));
    }
    if text.contains("***") {
        return wrong("has three stars").map_err(|error| error.hint("\"*\" is within a segment, \"**\" across"));
    }
    // git-check-ref-format(1): what no branch name can contain.
    if let Some(char) = text.chars().find(|char| " ?[]\\~^:".contains(*char) || char.is_control()) {
        return wrong(&format!("contains {char:?}, which is neither in a branch name nor a wildcard"))
            .map_err(|error| error.hint("wildcards are \"*\", \"**\", \"{name}\" and \"{name..}\""));
    }
    Ok(())
}

fn tokens(text: &str) -> Result<Vec<Token>, SpellingError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut names = BTreeSet::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let at_segment_start = rest.len() == text.len() || text[..text.len() - rest.len()].ends_with('/');
        if matches!(tokens.last(), Some(Token::Rest(_))) {
            return Err(SpellingError::new(format!("branch pattern {text:?} goes on after its rest"))
                .hint("\"{name..}\" takes everything to the end: write \"{name}\" for one segment"));
        }
        let (token, length) = if rest.starts_with("**/") && at_segment_start {
            (Token::Folders, 3)
        } else if rest.starts_with("**") {
            (Token::Across, 2)
        } else if char == '*' {
            (Token::Within, 1)
        } else if char == '{' {
            let (token, length) = capture(text, rest)?;
            if !names.insert(token.name().map(str::to_owned)) {
                return Err(SpellingError::new(format!("branch pattern {text:?} has one capture twice")));
            }
            (token, length)
        } else if char == '}' {
            return Err(SpellingError::new(format!("branch pattern {text:?} has a \"}}\" without \"{{\"")));
        } else {
            let length = rest.find(['*', '{', '}']).unwrap_or(rest.len());
            (Token::Literal(rest[..length].chars().collect()), length)
        };
        if tokens.last().is_some_and(|before| touches(before, &token)) {
            return Err(SpellingError::new(format!("branch pattern {text:?} has a capture right beside a wildcard"))
                .hint("put something between them, so that it is clear where one ends: \"{team}-{topic}\""));
        }
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn capture(text: &str, rest: &str) -> Result<(Token, usize), SpellingError> {
    let Some(end) = rest.find('}') else {
        return Err(SpellingError::new(format!("branch pattern {text:?} has a \"{{\" without \"}}\"")));
    };
    let inner = &rest[1..end];
    if inner.contains(',') {
        return Err(SpellingError::new(format!("branch pattern {text:?} has a list of alternatives"))
            .hint("list the patterns one by one: branches = [\"a\", \"b\"]"));
    }
    let (name, takes_rest) = inner.strip_suffix("..").map_or((inner, false), |name| (name, true));
    if name == "branch" {
        return Err(SpellingError::new(format!("branch pattern {text:?} captures {{branch}}"))
            .hint("{branch} is the whole name already: take another word, as {topic}"));
    }
    if !is_capture_name(name) {
        return Err(SpellingError::new(format!("branch pattern {text:?} has a capture without a proper name"))
            .hint("a capture is named with lower-case letters, digits and \"_\": {topic}"));
    }
    let token = if takes_rest { Token::Rest(name.to_owned()) } else { Token::Capture(name.to_owned()) };
    Ok((token, end + 1))
}

/// Whether nothing tells where the one ends and the other begins, and the answer would matter.
fn touches(before: &Token, after: &Token) -> bool {
    let is_star = |token: &Token| matches!(token, Token::Within | Token::Across);
    match (before.name(), after.name()) {
        (Some(_), Some(_)) => true,
        (Some(_), None) => is_star(after),
        (None, Some(_)) => is_star(before),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn pattern(text: &str) -> BranchPattern {
        BranchPattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn matches(text: &str, branch: &str) -> bool {
        pattern(text).matches(&BranchName::new(branch)).is_some()
    }

    #[test]
    fn wildcards_keep_to_their_segments() {
        for (text, yes, no) in [
            ("main", &["main"][..], &["Main", "main2", "x/main"][..]),
            ("release-*", &["release-1", "release-"], &["release", "release-1/x", "xrelease-1"]),
            ("release/*", &["release/1"], &["release/1/x", "release"]),
            ("release/**", &["release/1", "release/1/x"], &["release", "releases/1"]),
            ("release/", &["release/1", "release/1/x"], &["release"]),
            ("**", &["main", "a/b/c", "日本/語"], &[]),
            ("**/fix", &["fix", "a/fix", "a/b/fix"], &["prefix", "a/fix/b", "a/hotfix"]),
            ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["az", "a/bz", "b/a/z"]),
            ("a**z", &["az", "a/b/z", "abz"], &["a/b"]),
            ("*/x/*", &["a/x/b"], &["a/b/x/c", "x/b"]),
            ("feature/{topic}", &["feature/a"], &["feature/a/b", "feature/"]),
            ("feature/{topic..}", &["feature/a", "feature/a/b"], &["feature/"]),
        ] {
            for name in yes {
                assert!(matches(text, name), "{text} should match {name}");
            }
            for name in no {
                assert!(!matches(text, name), "{text} should not match {name}");
            }
        }
    }

    #[test]
    fn captures_are_what_they_stand_for() {
        let captured = |text: &str, branch: &str, name: &str| {
            let captures = pattern(text).matches(&BranchName::new(branch)).expect("a match");
            captures.get(name).map(str::to_owned)
        };
        assert_eq!(captured("feature/{topic}", "feature/LOGIN-1", "topic").as_deref(), Some("LOGIN-1"));
        assert_eq!(captured("feature-{topic}", "feature-x", "topic").as_deref(), Some("x"));
        assert_eq!(captured("{team}/{topic..}", "core/a/b", "team").as_deref(), Some("core"));
        assert_eq!(captured("{team}/{topic..}", "core/a/b", "topic").as_deref(), Some("a/b"));
        assert_eq!(captured("**/{topic}", "a/b/c", "topic").as_deref(), Some("c"));
        assert_eq!(captured("{a}-{b}", "x-y-z", "a").as_deref(), Some("x"));
        assert_eq!(captured("{a}-{b}", "x-y-z", "b").as_deref(), Some("y-z"));
        assert_eq!(captured("*-{b}", "x-y-z", "b").as_deref(), Some("y-z"));
    }

    #[test]
    fn foreign_spellings_are_refused_with_what_to_write_instead() {
        for text in ["", "!main", "{a,b}", "feature/?", "[ab]", "a\\*", "refs/heads/main", "{branch}", "{a}{b}"] {
            let error = BranchPattern::parse(text).expect_err(text);
            assert!(error.hint.is_some(), "{text}: {error}");
        }
        for text in ["{a", "a}", "{}", "{A}", "{a}/{a}", "{a}*", "{a..}/b", "/a", "a//b", "***", "a b"] {
            assert!(BranchPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_pattern_without_wildcards_is_literal() {
        assert!(pattern("main").is_literal());
        assert!(pattern("release/1.x").is_literal());
        for text in ["*", "release/", "{a}", "a/**"] {
            assert!(!pattern(text).is_literal(), "{text}");
        }
    }

    #[test]
    fn the_workspace_of_gitbutler_matches_nothing() {
        for text in ["**", "gitbutler/*", "gitbutler/workspace"] {
            assert!(!matches(text, "gitbutler/workspace"), "{text}");
        }
        assert!(matches("**", "gitbutler"));
    }

    #[test]
    fn a_hostile_name_does_not_take_long() {
        let text = "**/*a*a*a*a*a*a*a*a*/**/*a*a*a*a*a*a*a*b";
        let name = "a".repeat(120) + "/" + &"a".repeat(120);
        let begin = Instant::now();
        assert!(!matches(text, &name));
        assert!(begin.elapsed() < Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn the_rest_of_a_name_is_captured_whole(rest in "[^/].{0,60}") {
            let captures = pattern("x/{rest..}").matches(&BranchName::new(format!("x/{rest}"))).expect("a match");
            prop_assert_eq!(captures.get("rest"), Some(rest.as_str()));
        }

        #[test]
        fn reading_a_pattern_never_panics(text in "[a-c/*{}.!,]{0,14}", name in "[a-c/]{0,10}") {
            if let Ok(pattern) = BranchPattern::parse(&text) {
                let _ = pattern.matches(&BranchName::new(name));
            }
        }
    }
}
