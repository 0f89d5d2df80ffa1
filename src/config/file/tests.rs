use super::*;
use crate::domain::branch::BranchName;
use crate::domain::config::{Layout, SelectionError};
use crate::domain::environment::Location;
use crate::domain::key::Key;
use std::time::Duration;

const EXAMPLE: &str = r#"
version = 1

[[file]]
path = "apps/web/.env"
suffix = "web"
example = "apps/web/.env.example"
local = ["DEBUG", "LOCAL_*"]

[[file]]
path = ".env.test"
environment = "test"

[[environment]]
name = "production"
branches = ["main"]
store = "aws"
path = "acme/production"
protected = true

[[environment]]
name = "preview"
branches = ["feature/{topic}"]
store = "aws"
path = "acme/preview/{topic}"
extends = "development"

[[environment]]
name = "development"
branches = ["**"]
store = "local"
path = "development"

[[environment]]
name = "test"
store = "local"
path = "test"

[stores.aws]
kind = "aws-secrets-manager"
region = "eu-central-1"
layout = "json"

[stores.local]
kind = "age"
directory = ".envsync"

[hooks]
post_checkout = "notify"
pre_push = "warn"
block_on = ["leak", "stale"]
on_error = "block"
time_budget = "500ms"
max_age = "1h"
"#;

/// The smallest config with this in it.
fn with(more: &str) -> String {
    format!(
        "version = 1\n[[environment]]\nname = \"d\"\nbranches = [\"**\"]\nstore = \"s\"\npath = \"d\"\n{more}\n[stores.s]\nkind = \"age\"\n"
    )
}

/// Two environments in an AWS store, with these lines in each.
fn two(ours: &str, theirs: &str, more: &str) -> Result<Config, ConfigError> {
    parse(&format!(
        "version = 1\n{more}\n[[environment]]\nname = \"a\"\nstore = \"s\"\n{ours}\n[[environment]]\nname = \"b\"\nstore = \"s\"\n{theirs}\n[stores.s]\nkind = \"aws-secrets-manager\"\n"
    ))
}

fn branch(name: &str) -> BranchName {
    BranchName::new(name)
}

#[test]
fn the_whole_config_is_read() {
    let config = parse(EXAMPLE).expect("a valid config");
    assert_eq!(config.files[0].suffix.as_deref(), Some("web"));
    assert_eq!(config.files[1].environment, Some(EnvironmentName::new("test")));
    assert_eq!(config.stores[&StoreName::new("aws")].layout, Layout::Json);
    assert_eq!(config.stores[&StoreName::new("local")].layout, Layout::Dotenv);
    assert_eq!(config.hooks.post_checkout, PostCheckout::Notify);
    assert_eq!(config.hooks.pre_push, PrePush::Warn);
    assert_eq!(config.hooks.block_on, [FindingKind::Leak, FindingKind::Stale].into());
    assert_eq!(config.hooks.on_error, OnError::Block);
    assert_eq!(config.hooks.time_budget, Duration::from_millis(500));
    assert_eq!(config.hooks.max_age, Duration::from_secs(3600));
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = parse(&with("")).expect("a valid config");
    assert_eq!(config.files, [default_file()]);
    assert_eq!(config.hooks, HookPolicy::default());
    assert_eq!(config.stores[&StoreName::new("s")].settings["directory"], ".envsync");
    for (kind, layout) in [
        ("aws-secrets-manager", Layout::Json),
        ("gcp-secret-manager", Layout::Json),
        ("aws-parameter-store", Layout::Keys),
        ("azure-key-vault", Layout::Keys),
    ] {
        let config = parse(&with(&format!("[stores.x]\nkind = \"{kind}\""))).expect(kind);
        assert_eq!(config.stores[&StoreName::new("x")].layout, layout, "{kind}");
    }
}

#[test]
fn a_branch_gets_the_first_environment_with_a_matching_pattern() {
    let config = parse(EXAMPLE).expect("a valid config");
    let which = config.by_branch(&branch("main")).expect("mapped");
    assert_eq!(
        (which.environment.as_str(), which.protected, which.rule.as_deref()),
        ("production", true, Some("main"))
    );
    assert_eq!(which.location(&config.files[0]), Location::new("acme/production/web"));

    let which = config.by_branch(&branch("feature/login")).expect("mapped");
    assert_eq!(which.path, Location::new("acme/preview/login"));
    let below = which.extends.expect("it extends development");
    assert_eq!(
        (below.environment.as_str(), below.path.as_str(), below.kind),
        ("development", "development", StoreKind::Age)
    );

    assert_eq!(config.by_branch(&branch("feature/a/b")).expect("mapped").environment.as_str(), "development");
    assert_eq!(config.by_branch(&branch("gitbutler/workspace")), None);
}

#[test]
fn a_name_whose_place_depends_on_the_branch_needs_one_of_its_own() {
    let config = parse(EXAMPLE).expect("a valid config");
    let preview = EnvironmentName::new("preview");
    let error = config.by_name(&preview, None).expect_err("no topic");
    assert!(error.hint().contains("--branch"));
    config.by_name(&preview, Some(&branch("main"))).expect_err("main has no topic");
    let which = config.by_name(&preview, Some(&branch("feature/x"))).expect("it has");
    assert_eq!((which.path.as_str(), which.rule.as_deref()), ("acme/preview/x", Some("feature/{topic}")));
    let which = config.by_name(&EnvironmentName::new("production"), Some(&branch("feature/x"))).expect("any branch");
    assert_eq!(which.rule, None);
}

#[test]
fn an_unknown_name_is_answered_with_the_one_that_may_be_meant() {
    let config = parse(EXAMPLE).expect("a valid config");
    let error = config.by_name(&EnvironmentName::new("prodution"), None).expect_err("unknown");
    assert!(matches!(&error, SelectionError::Unknown { near: Some(near), .. } if near.as_str() == "production"));
    assert_eq!(error.hint(), "did you mean \"production\"?");
}

#[test]
fn a_pinned_env_file_keeps_its_environment() {
    let config = parse(EXAMPLE).expect("a valid config");
    let which = config.by_branch(&branch("main")).expect("mapped");
    let own = config.for_file(&config.files[1], &which, Some(&branch("main"))).expect("its own");
    assert_eq!(own.environment.as_str(), "test");
    assert_eq!(config.for_file(&config.files[0], &which, None), Ok(which));
}

#[test]
fn a_star_in_local_stands_for_any_characters() {
    let config = parse(EXAMPLE).expect("a valid config");
    let is_local = |key: &str| Config::is_local(&config.files[0], &Key::new(key).expect("a key"));
    assert!(is_local("DEBUG") && is_local("LOCAL_") && is_local("LOCAL_PORT"));
    assert!(!is_local("DEBUG2") && !is_local("MY_LOCAL_PORT") && !is_local("local_x"));
}

#[test]
fn protection_belongs_to_the_place_and_not_to_the_name() {
    let protected = "path = \"acme/production\"\nbranches = [\"main\"]\nprotected = true";
    let config = two(protected, "path = \"acme/{topic}\"\nbranches = [\"feature/{topic}\"]", "").expect("valid");
    assert!(config.by_branch(&branch("feature/production")).expect("mapped").protected);
    assert!(!config.by_branch(&branch("feature/x")).expect("mapped").protected);
    let config = two(protected, "path = \"acme/production\"\nbranches = [\"**\"]", "").expect("one place, two names");
    assert!(config.by_branch(&branch("x")).expect("mapped").protected);
}

#[test]
fn every_error_has_its_line_column_and_a_way_out() {
    for (more, line, column, message, hint) in [
        ("branchs = []", 7, 1, "unknown key \"branchs\" in [[environment]]", "did you mean \"branches\"?"),
        ("protected = \"yes\"", 7, 1, "should be true or false", ""),
        ("extends = \"x\"", 7, 1, "extends the unknown \"x\"", ""),
        ("extends = \"d\"", 7, 1, "extends itself", ""),
        ("[hooks]\npre_push = \"blok\"", 8, 1, "\"pre_push\" cannot be \"blok\"", "did you mean \"block\"?"),
        ("[hooks]\nmax_age = 10", 8, 1, "should be a duration", "\"10m\""),
        ("[hooks]\nmax_age = \"10\"", 8, 1, "\"max_age\" is a duration", "\"10m\""),
        ("[hooks]\nblock_on = [\"leak\", \"leek\"]", 8, 21, "cannot be \"leek\"", "did you mean \"leak\"?"),
        ("[[file]]\npath = \"/etc/x\"", 8, 1, "not below the top", "relative"),
        ("[[file]]\npath = \"a\\\\.env\"", 8, 1, "backslash", "\"a/.env\""),
        ("[[file]]\npath = \".git/x\"", 8, 1, "inside .git", ""),
        ("[[file]]\npath = \".envsync/x\"", 8, 1, "inside the store", ""),
        ("[[file]]\npath = \".env\"\nexample = \"../x\"", 9, 1, "leaves the work tree", ""),
        ("[[file]]\npath = \".env\"\nexample = \".env\"", 9, 1, "itself an env file", ""),
        ("[[file]]\npath = \".env\"\nlocal = [\"A B\"]", 9, 1, "matches no variable", ""),
        ("[[file]]\npath = \".env\"\nenvironment = \"dd\"", 9, 1, "no environment \"dd\"", "add an [[environment]]"),
        ("[[file]]\npath = \".env\"\nsuffix = \"../x\"", 9, 1, "\"..\"", ""),
        ("[[file]]\nsuffix = \"x\"", 7, 1, "[[file]] lacks \"path\"", ""),
        ("[[file]]\npath = \".env\"\n[[file]]\npath = \".env\"", 10, 1, "two entries", ""),
        ("[[file]]\npath = \".env\"\n[[file]]\npath = \"b/.env\"", 10, 1, "share one location", "suffix"),
        ("[file]\npath = \".env\"", 7, 2, "[[file]]", ""),
        ("[stores.x]\nkind = \"ages\"", 8, 1, "\"kind\" cannot be \"ages\"", "did you mean \"age\"?"),
        ("[stores.x]\nkind = \"age\"\nregion = \"x\"", 9, 1, "unknown key \"region\"", "directory"),
        ("[stores.x]\nkind = \"age\"\nlayout = \"json\"", 9, 1, "\"dotenv\" only", "leave"),
        ("[stores.x]\nkind = \"age\"\ndirectory = \"../x\"", 9, 1, "leaves the work tree", ""),
        ("[stores.x]\nkind = \"age\"\nendpoint = \"https://x\"", 9, 1, "does not belong", "envsync.store.x.endpoint"),
        ("[stores.x]\nregion = \"x\"", 7, 9, "lacks \"kind\"", "age"),
        ("[stores.a-b]\nkind = \"age\"\n[stores.a_b]\nkind = \"age\"", 9, 9, "share the names", "rename"),
        ("[store]\n", 7, 2, "unknown key \"store\"", "did you mean \"stores\"?"),
        ("path = \"e\"", 7, 1, "not valid TOML", ""),
    ] {
        let error = parse(&with(more)).expect_err(more);
        assert!(error.message.contains(message), "{more}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{more}: {error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{more}: {:?}", error.hint);
    }
}

#[test]
fn a_failure_names_the_file_the_place_and_the_way_out() {
    let failure = Failure::from(parse(&with("branchs = []")).expect_err("a slip"));
    assert_eq!(failure.kind, FailureKind::Config);
    assert_eq!(failure.what, ".envsync.toml:7:1: unknown key \"branchs\" in [[environment]]");
    assert_eq!(failure.hint.as_deref(), Some("did you mean \"branches\"?"));
}

#[test]
fn a_column_counts_characters() {
    let error = parse("version = 1\n\"é\" = 1").expect_err("unknown");
    assert_eq!((error.line, error.column), (2, 1));
    let error = parse("version = 1\n[stores]\nx = { kind = \"é\", \"ü\" = 1 }").expect_err("unknown");
    assert_eq!((error.line, error.column), (3, 7));
    assert!(parse("version = 1\né").expect_err("no TOML").message.contains("not valid TOML"));
}

#[test]
fn the_version_is_one() {
    assert!(parse("").expect_err("no version").message.contains("lacks \"version\""));
    assert_eq!(parse("verison = 1").expect_err("a slip").hint.as_deref(), Some("did you mean \"version\"?"));
    assert!(parse("version = 2\nfuture = 1").expect_err("a later one").message.contains("version 2"));
    assert!(parse("version = \"1\"").expect_err("a text").message.contains("whole number"));
}

#[test]
fn a_protected_environment_belongs_to_literal_branches() {
    let error =
        two("path = \"a\"\nbranches = [\"release/*\"]\nprotected = true", "path = \"b\"", "").expect_err("a star");
    assert!(error.message.contains("protected environment \"a\""), "{error}");
}

#[test]
fn a_path_needs_only_what_every_pattern_captures() {
    let error = two("path = \"x/{topic}\"\nbranches = [\"f/{topic}\", \"g/*\"]", "path = \"b\"", "").expect_err("g/*");
    assert!(error.message.contains("does not capture {topic}"), "{error}");
    two("path = \"{branch}\"", "path = \"b\"", "").expect_err("no branches to fill it");
    let below = "path = \"x/{topic}\"\nbranches = [\"f/{topic}\"]";
    two("path = \"a\"\nbranches = [\"g/{topic}\"]\nextends = \"b\"", below, "").expect("the topic is there");
    two("path = \"a\"\nbranches = [\"g/*\"]\nextends = \"b\"", below, "").expect_err("no topic for b");
    two("path = \"a\"\nextends = \"b\"", "path = \"b\"\nextends = \"a\"", "").expect_err("a ring");
}

#[test]
fn env_files_never_share_a_location() {
    let files = "[[file]]\npath = \".env\"\n[[file]]\npath = \"web/.env\"\nsuffix = \"web\"";
    two("path = \"x\"\nbranches = [\"**\"]", "path = \"y\"", files).expect("the suffix keeps them apart");
    two("path = \"x\"", "path = \"x/web\"", files).expect_err("x and web against x/web");
    two("path = \"x/{t}\"\nbranches = [\"{t}\"]", "path = \"x\"", files).expect_err("a branch called web");
    two("path = \"x\"\nbranches = [\"a\"]", "path = \"x\"\nbranches = [\"b\"]", "").expect("two names for one place");
    let pinned = "[[file]]\npath = \".env\"\n[[file]]\npath = \".env.test\"\nenvironment = \"b\"";
    two("path = \"x\"\nbranches = [\"**\"]", "path = \"y\"", pinned).expect("b is the pinned file's own");
    two("path = \"x\"\nbranches = [\"**\"]", "path = \"x\"", pinned).expect_err("b lies where a does");
    two("path = \"x\"\nbranches = [\"a\"]", "path = \"y\"\nbranches = [\"b\"]", pinned).expect_err("branch b has both");
}

#[test]
fn an_arn_is_for_secrets_manager_and_one_env_file() {
    let arn = "path = \"arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme-AbCdEf\"";
    let config = two(arn, "path = \"b\"", "").expect("an ARN");
    let which = config.by_name(&EnvironmentName::new("a"), None).expect("named");
    assert!(which.location(&config.files[0]).as_str().starts_with("arn:"));
    two(arn, "path = \"b\"", "[[file]]\npath = \".env\"\nsuffix = \"web\"").expect_err("nothing can be added");
    parse(&with("").replace("path = \"d\"", arn)).expect_err("age has no ARNs");
}

#[test]
fn the_digest_covers_the_meaning_and_nothing_else() {
    let digest = |source: &str| parse(source).expect("a valid config").digest();
    let original = digest(EXAMPLE);
    assert_eq!(original.len(), 64);
    assert_eq!(original, digest(&format!("# a comment\n{}", EXAMPLE.replace(" = ", "="))));
    assert_eq!(digest(&with("")), digest(&with("[hooks]\nmax_age = \"600s\"\n[[file]]\npath = \".env\"")));
    for (from, to) in [
        ("suffix = \"web\"", "suffix = \"app\""),
        ("\"LOCAL_*\"", "\"LOCAL_X\""),
        ("branches = [\"main\"]", "branches = [\"master\"]"),
        ("acme/production", "acme/prod"),
        ("protected = true", "protected = false"),
        ("region = \"eu-central-1\"", "region = \"us-east-1\""),
        ("layout = \"json\"", "layout = \"keys\""),
        ("extends = \"development\"", ""),
        ("time_budget = \"500ms\"", "time_budget = \"501ms\""),
        ("\"leak\", ", ""),
    ] {
        assert_ne!(original, digest(&EXAMPLE.replace(from, to)), "{from} -> {to}");
    }
    let a = "path = \"x\"\nbranches = [\"**\"]";
    let config = two(a, "path = \"y\"", "").expect("valid");
    let mut turned = config.clone();
    turned.environments.reverse();
    assert_ne!(config.digest(), turned.digest(), "the order of environments matters");
}

#[test]
fn the_digest_of_an_entry_follows_its_place() {
    let digest = |source: &str| parse(source).expect("valid").by_branch(&branch("main")).expect("mapped").entry_digest;
    assert_eq!(digest(EXAMPLE), digest(&EXAMPLE.replace("feature/{topic}", "topic/{topic}")));
    assert_ne!(digest(EXAMPLE), digest(&EXAMPLE.replace("eu-central-1", "us-east-1")));
    assert_ne!(digest(EXAMPLE), digest(&EXAMPLE.replace("acme/production", "acme/prod")));
}
