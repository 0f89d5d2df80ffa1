//! Paths with places for captures: `acme/preview/{topic}`.

use super::slug::safe;
use super::{BranchName, Captures, SpellingError, is_capture_name};
use std::collections::BTreeSet;
use std::fmt;

/// A path in a store, with places for captures. Two branches never fill it alike, unless they differ only in what
/// the template leaves out (or somebody has gone looking for two names with the same six digits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Capture(String),
    Branch,
}

impl PathTemplate {
    /// Reads a template: segments of `[A-Za-z0-9_.+=@-]` and captures `{name}` or `{branch}`, joined by `/`. It may
    /// be empty.
    ///
    /// # Errors
    /// Anything else: other characters, `.` and `..`, empty segments, captures with nothing between them that could
    /// tell where one ends.
    pub fn parse(text: &str) -> Result<Self, SpellingError> {
        if text.starts_with("arn:") {
            return Err(SpellingError::new(format!("path {text:?} is an ARN"))
                .hint("only a store of kind \"aws-secrets-manager\" takes one"));
        }
        let parts = parts(text)?;
        check_segments(text, &parts)?;
        check_separation(text, &parts)?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Reads the ARN of a secret, which stands for itself.
    ///
    /// # Errors
    /// An ARN of something else, or none at all.
    pub fn parse_arn(text: &str) -> Result<Self, SpellingError> {
        // arn:partition:secretsmanager:region:account:secret:name-suffix
        let fields: Vec<&str> = text.splitn(7, ':').collect();
        let of_secret = matches!(fields[..], ["arn", _, "secretsmanager", _, _, "secret", name] if !name.is_empty());
        let allowed = |char: char| char.is_ascii_alphanumeric() || ":/_+=.@!-".contains(char);
        if !of_secret || fields.iter().any(|field| field.is_empty()) || !text.chars().all(allowed) {
            return Err(SpellingError::new(format!("path {text:?} is not the ARN of a secret"))
                .hint("arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX"));
        }
        Ok(Self { text: text.to_owned(), parts: vec![Part::Literal(text.to_owned())] })
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is an ARN, to which nothing can be added.
    #[must_use]
    pub fn is_arn(&self) -> bool {
        self.text.starts_with("arn:")
    }

    /// The captures it needs, without `{branch}`.
    #[must_use]
    pub fn captures(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for part in &self.parts {
            if let Part::Capture(name) = part {
                names.insert(name.as_str());
            }
        }
        names
    }

    /// Whether it needs a branch: for a capture or for `{branch}`.
    #[must_use]
    pub fn needs_branch(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Literal(_)))
    }

    /// The path for a branch; captures are made safe. None where the pattern that matched lacks a capture.
    #[must_use]
    pub fn fill(&self, captures: &Captures, branch: &BranchName) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Some(text.clone()),
                Part::Capture(name) => captures.get(name).map(safe),
                Part::Branch => Some(safe(branch.as_str())),
            })
            .collect()
    }

    /// Whether it and `other`, each with a suffix, could come to the same location for some branches. Capital
    /// letters do not count: some stores and file systems ignore them.
    #[must_use]
    pub fn may_meet(&self, suffix: Option<&str>, other: &Self, other_suffix: Option<&str>) -> bool {
        let (ours, theirs) = (self.segments(suffix), other.segments(other_suffix));
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(ours, theirs)| segments_may_meet(ours, theirs))
    }

    /// The segments in lower case, with `{}` for a capture.
    fn segments(&self, suffix: Option<&str>) -> Vec<String> {
        let mut text: String = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.to_ascii_lowercase(),
                Part::Capture(_) | Part::Branch => "{}".to_owned(),
            })
            .collect();
        if let Some(suffix) = suffix {
            text =
                if text.is_empty() { suffix.to_ascii_lowercase() } else { format!("{text}/{suffix}").to_lowercase() };
        }
        text.split('/').map(str::to_owned).collect()
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Checks a literal path in a store: what a template may be, without captures.
///
/// # Errors
/// As [`PathTemplate::parse`], and captures.
pub(in crate::domain) fn check_literal_path(text: &str) -> Result<(), SpellingError> {
    let template = PathTemplate::parse(text)?;
    if template.needs_branch() {
        return Err(SpellingError::new(format!("{text:?} has a capture, which only an environment's path can have")));
    }
    Ok(())
}

fn parts(text: &str) -> Result<Vec<Part>, SpellingError> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.+=@-/".contains(char);
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '{' {
            let end = rest
                .find('}')
                .ok_or_else(|| SpellingError::new(format!("path {text:?} has a \"{{\" without \"}}\"")))?;
            parts.push(match &rest[1..end] {
                "branch" => Part::Branch,
                name if is_capture_name(name) => Part::Capture(name.to_owned()),
                name => {
                    let hint = match name.strip_suffix("..") {
                        Some(name) => format!("the dots belong to the branch pattern: write {{{name}}} here"),
                        None => "write the name of a capture of the branch pattern, or {branch}".to_owned(),
                    };
                    return Err(SpellingError::new(format!("path {text:?} has no proper capture")).hint(hint));
                }
            });
            rest = &rest[end + 1..];
        } else if allowed(first) {
            let length = rest.find(|char| !allowed(char)).unwrap_or(rest.len());
            parts.push(Part::Literal(rest[..length].to_owned()));
            rest = &rest[length..];
        } else {
            return Err(SpellingError::new(format!("path {text:?} contains {first:?}"))
                .hint("letters, digits and _ . + = @ - are possible, / between segments, {name} for a capture"));
        }
    }
    Ok(parts)
}

fn check_segments(text: &str, parts: &[Part]) -> Result<(), SpellingError> {
    if parts.is_empty() {
        return Ok(());
    }
    if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
        return Err(SpellingError::new(format!("path {text:?} has an empty segment"))
            .hint("paths have no \"/\" at either end and no two in a row: acme/production"));
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(SpellingError::new(format!("path {text:?} has \".\" or \"..\" as a segment")));
    }
    Ok(())
}

/// A capture is made of `[a-z0-9-]`: between two of them must be something that is not, or `a-b` and `c` would fill
/// the path as `a` and `b-c` do.
fn check_separation(text: &str, parts: &[Part]) -> Result<(), SpellingError> {
    let separates = |char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
    let mut separated = true;
    for part in parts {
        match part {
            Part::Literal(literal) => separated |= literal.contains(separates),
            Part::Capture(_) | Part::Branch if separated => separated = false,
            Part::Capture(_) | Part::Branch => {
                return Err(SpellingError::new(format!("path {text:?} would be the same for different branches"))
                    .hint("put \"/\" or \"_\" between the captures"));
            }
        }
    }
    Ok(())
}

/// Whether two segments could be the same text, where `{}` stands for some of `[a-z0-9-]`. Says yes in doubt.
fn segments_may_meet(ours: &str, theirs: &str) -> bool {
    let (ours_open, theirs_open) = (ours.contains("{}"), theirs.contains("{}"));
    match (ours_open, theirs_open) {
        (false, false) => ours == theirs,
        (true, false) => literal_fits(ours, theirs),
        (false, true) => literal_fits(theirs, ours),
        (true, true) => {
            let ends = |text: &str| {
                let (front, _) = text.split_once("{}").expect("it contains one");
                let (_, back) = text.rsplit_once("{}").expect("it contains one");
                (front.to_owned(), back.to_owned())
            };
            let ((front, back), (other_front, other_back)) = (ends(ours), ends(theirs));
            (front.starts_with(&other_front) || other_front.starts_with(&front))
                && (back.ends_with(&other_back) || other_back.ends_with(&back))
        }
    }
}

/// Whether `literal` could be `template` filled in.
fn literal_fits(template: &str, literal: &str) -> bool {
    let (front, _) = template.split_once("{}").expect("it contains one");
    let (_, back) = template.rsplit_once("{}").expect("it contains one");
    let capture = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let inner = literal.strip_prefix(front).and_then(|rest| rest.strip_suffix(back));
    // With several captures the literal between them is left out of the comparison.
    let single = template.matches("{}").count() == 1;
    inner.is_some_and(|inner| !inner.is_empty() && (!single || inner.chars().all(capture)))
}

#[cfg(test)]
mod tests {
    use super::super::BranchPattern;
    use super::*;
    use proptest::prelude::*;

    fn filled(pattern: &str, template: &str, branch: &str) -> String {
        let branch = BranchName::new(branch);
        let captures = BranchPattern::parse(pattern).expect("a pattern").matches(&branch).expect("a match");
        PathTemplate::parse(template).expect("a template").fill(&captures, &branch).expect("all captures")
    }

    #[test]
    fn a_path_is_filled_with_safe_captures() {
        assert_eq!(filled("feature/{topic}", "acme/preview/{topic}", "feature/login-2"), "acme/preview/login-2");
        assert_eq!(filled("**", "dev/{branch}", "main"), "dev/main");
        assert_eq!(filled("**", "", "main"), "");
        assert!(filled("**", "{branch}", "Feature/X").starts_with("feature-x-"));
    }

    #[test]
    fn a_path_is_relative_and_plain() {
        for text in ["", "a", "acme/prod.eu+1=x@y_z-0", "{a}/{b}", "x-{topic}", "{a}_{b}", "{team}/{branch}"] {
            assert!(PathTemplate::parse(text).is_ok(), "{text}");
        }
        for text in [
            "/a", "a/", "a//b", "..", "a/../b", ".", "a b", "a:b", "a$", "é", "{", "{A}", "{a..}", "}", "a\\b",
            "{a}{b}",
        ] {
            assert!(PathTemplate::parse(text).is_err(), "{text}");
        }
        assert!(PathTemplate::parse("{a}-{b}").is_err(), "a-b and c would be a and b-c");
    }

    #[test]
    fn an_arn_is_that_of_a_secret() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/production-AbCdEf";
        assert!(PathTemplate::parse_arn(arn).expect("an ARN").is_arn());
        assert!(PathTemplate::parse(arn).expect_err("not everywhere").hint.is_some());
        for text in ["arn:aws:s3:::bucket", "arn:aws:secretsmanager:::secret:x", "arn:", "acme"] {
            assert!(PathTemplate::parse_arn(text).is_err(), "{text}");
        }
    }

    #[test]
    fn templates_that_can_come_to_one_location_are_known() {
        let meet = |ours: &str, suffix: Option<&str>, theirs: &str, other: Option<&str>| {
            let parse = |text: &str| PathTemplate::parse(text).expect("a template");
            parse(ours).may_meet(suffix, &parse(theirs), other)
        };
        assert!(meet("a/b", None, "a", Some("b")));
        assert!(meet("a/B", None, "a/b", None));
        assert!(meet("a/{x}", None, "a", Some("web")));
        assert!(meet("a/{x}", Some("web"), "a/prod/web", None));
        assert!(meet("", Some("web"), "web", None));
        assert!(meet("pre-{x}", None, "{y}-post", None));
        assert!(!meet("a", None, "a", Some("b")));
        assert!(!meet("a/{x}", None, "b/{x}", None));
        assert!(!meet("pre-{x}", None, "production", None));
        assert!(!meet("{x}", None, "a_b", None));
    }

    const HOSTILE: [&str; 12] = ["$(x)", "a;b", "%2e%2e", "a{b}", "@", "日本語", "ä", "..", "A", "a", "a-b", "--"];

    #[test]
    fn hostile_names_fill_plain_and_different_paths() {
        let long: Vec<String> = ["x", "y"].map(|end| "n".repeat(239) + end).to_vec();
        let names: Vec<&str> = HOSTILE.into_iter().chain(long.iter().map(String::as_str)).collect();
        let paths: BTreeSet<String> = names.iter().map(|name| filled("**", "p/{branch}", name)).collect();
        assert_eq!(paths.len(), names.len());
        for path in paths {
            let segment = path.strip_prefix("p/").expect("below p");
            assert!(segment.len() <= 63 && PathTemplate::parse(segment).is_ok(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn different_branches_fill_different_paths(
            ours in prop::collection::vec("[a-cA-C./_日-]{1,40}", 2),
            theirs in prop::collection::vec("[a-cA-C./_日-]{1,40}", 2),
        ) {
            let captures = |values: &[String]| {
                Captures(["a", "b"].map(str::to_owned).into_iter().zip(values.iter().cloned()).collect())
            };
            let template = PathTemplate::parse("p/{a}/{b}").expect("a template");
            let branch = BranchName::new("x");
            let filled = |values: &[String]| template.fill(&captures(values), &branch);
            prop_assert_eq!(ours == theirs, filled(&ours) == filled(&theirs));
        }

        #[test]
        fn reading_a_template_never_panics(text in "[a-cA{}./_ -]{0,14}") {
            let _ = PathTemplate::parse(&text);
        }
    }
}
