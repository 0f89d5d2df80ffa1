use super::super::file::parse;
use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn git(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(variable_pairs: &[(&str, &str)], git_pairs: &[(&str, &str)], file: Option<&str>) -> Result<Personal, Failure> {
    let file = file.map(|text| (Path::new("/cfg/config.toml"), text));
    Personal::load(&variables(variable_pairs), &git(git_pairs), file)
}

const FILE: &str = r#"
identity = "~/file"
on_conflict = "local"
offline = true
timeout = "1m"
color = "never"
[hooks]
post_checkout = "off"
max_age = 0
[stores.aws]
profile = "file"
endpoint = "http://localhost:1"
"#;

#[test]
fn without_any_source_nothing_is_set() {
    assert_eq!(load(&[], &[], None).expect("nothing"), Personal::default());
    assert_eq!(load(&[("GIT_ENVSYNC_OFFLINE", "")], &[], None).expect("empty is unset"), Personal::default());
}

#[test]
fn variables_come_before_git_and_git_before_the_file() {
    let in_file = load(&[], &[], Some(FILE)).expect("valid");
    assert_eq!(in_file.identity, Some(SecretValue::from("~/file")));
    assert_eq!(in_file.on_conflict, Some(OnConflict::Local));
    assert!(in_file.offline);
    assert_eq!(in_file.timeout, Some(Duration::from_secs(60)));
    assert_eq!(in_file.color, Some(Color::Never));
    assert_eq!(in_file.post_checkout, Some(PostCheckout::Off));
    assert_eq!(in_file.max_age, Some(Duration::ZERO));

    let in_git = [("envsync.onconflict", "stop"), ("envsync.onconflict", "remote"), ("envsync.postcheckout", "notify")];
    let over = load(&[], &in_git, Some(FILE)).expect("valid");
    assert_eq!(over.on_conflict, Some(OnConflict::Remote), "the last of git's values");
    assert_eq!(over.post_checkout, Some(PostCheckout::Notify));

    let top = load(&[("GIT_ENVSYNC_ON_CONFLICT", "ask"), ("GIT_ENVSYNC_OFFLINE", "0")], &in_git, Some(FILE));
    let top = top.expect("valid");
    assert_eq!(top.on_conflict, Some(OnConflict::Ask));
    assert!(!top.offline);
}

#[test]
fn selection_and_the_switch_for_hooks_come_from_variables() {
    let set = [("GIT_ENVSYNC", "0"), ("GIT_ENVSYNC_ENV", "staging"), ("GIT_ENVSYNC_BRANCH", "main")];
    let personal = load(&set, &[], None).expect("valid");
    assert!(personal.hooks_off);
    assert_eq!(personal.environment, Some(EnvironmentName::new("staging")));
    assert_eq!(personal.branch.as_deref(), Some("main"));
    assert!(!load(&[("GIT_ENVSYNC", "1")], &[], None).expect("valid").hooks_off);
}

#[test]
fn no_color_gives_way_to_the_variable_of_its_own_and_to_nothing_else() {
    assert_eq!(load(&[("NO_COLOR", "1")], &[], None).expect("valid").color, Some(Color::Never));
    assert_eq!(load(&[("NO_COLOR", "")], &[], None).expect("valid").color, None);
    let set = [("NO_COLOR", "1"), ("GIT_ENVSYNC_COLOR", "always")];
    assert_eq!(load(&set, &[], None).expect("valid").color, Some(Color::Always));
    let in_git = [("envsync.color", "always")];
    assert_eq!(load(&[("NO_COLOR", "1")], &in_git, None).expect("valid").color, Some(Color::Never));
}

#[test]
fn settings_of_a_store_are_found_under_all_three_spellings() {
    let source = "version = 1\n[[environment]]\nname = \"d\"\nstore = \"my-aws\"\npath = \"d\"\n[stores.my-aws]\nkind = \"aws-secrets-manager\"\nregion = \"eu-west-1\"\n[stores.aws]\nkind = \"aws-parameter-store\"\n";
    let set = [("GIT_ENVSYNC_STORE_MY_AWS_ROLE_ARN", "arn:variable"), ("GIT_ENVSYNC_STORE_AWS_REGION", "us-east-1")];
    let in_git = [("envsync.store.my-aws.rolearn", "arn:git"), ("envsync.store.my-aws.kmskey", "alias/git")];
    let personal = load(&set, &in_git, Some(FILE)).expect("valid");
    let mut config = parse(source).expect("valid");
    let digest = config.digest();
    personal.apply(&mut config);
    let ours = &config.stores[&StoreName::new("my-aws")].settings;
    assert_eq!(ours["role_arn"], "arn:variable");
    assert_eq!(ours["kms_key"], "alias/git");
    assert_eq!(ours["region"], "eu-west-1");
    let other = &config.stores[&StoreName::new("aws")].settings;
    assert_eq!((other["region"].as_str(), other["profile"].as_str()), ("us-east-1", "file"));
    assert!(!other.contains_key("endpoint"), "an endpoint is no part of the config");
    assert_eq!(personal.endpoint(&StoreName::new("aws")), Some("http://localhost:1"));
    assert_eq!(personal.endpoint(&StoreName::new("my-aws")), None);
    assert_ne!(config.digest(), digest);
    assert_eq!(config.hooks.post_checkout, PostCheckout::Off);
}

#[test]
fn a_wrong_setting_is_named_and_its_value_is_not() {
    for (set, in_git, names) in [
        (("GIT_ENVSYNC_ON_CONFLICT", "canary-x"), ("", ""), "GIT_ENVSYNC_ON_CONFLICT"),
        (("GIT_ENVSYNC_OFFLINE", "canary-x"), ("", ""), "GIT_ENVSYNC_OFFLINE"),
        (("GIT_ENVSYNC_TIMEOUT", "canary-x"), ("", ""), "GIT_ENVSYNC_TIMEOUT"),
        (("GIT_ENVSYNC_STORE_A_ENDPOINT", "http://canary-x"), ("", ""), "GIT_ENVSYNC_STORE_A_ENDPOINT"),
        (("", ""), ("envsync.prepush", "canary-x"), "git config envsync.prePush"),
        (("", ""), ("envsync.store.a.endpoint", "http://canary-x"), "git config envsync.store.a.endpoint"),
        (("", ""), ("envsync.store.a.directory", "../canary"), "git config envsync.store.a.directory"),
    ] {
        let failure = load(&[set], &[in_git], None).expect_err(names);
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.what.starts_with(names) && !failure.what.contains("canary"), "{}", failure.what);
    }
}

#[test]
fn the_settings_file_is_read_as_strictly_as_the_config() {
    for (text, what, hint) in [
        ("on_conflct = \"ask\"", "/cfg/config.toml:1:1: unknown key", "did you mean \"on_conflict\"?"),
        ("[hooks]\nblock_on = []", "/cfg/config.toml:2:1: unknown key", "max_age"),
        ("[stores.a]\nregoin = \"x\"", "/cfg/config.toml:2:1: unknown key", "did you mean \"region\"?"),
        ("timeout = [1]", "/cfg/config.toml:1:1: \"timeout\" is a list", ""),
        ("on_conflict = \"x\"", "on_conflict in /cfg/config.toml is not", "ask"),
        ("x", "/cfg/config.toml:1:", ""),
    ] {
        let failure = load(&[], &[], Some(text)).expect_err(text);
        assert!(failure.what.starts_with(what), "{text}: {}", failure.what);
        assert!(failure.hint.unwrap_or_default().contains(hint), "{text}");
    }
}

#[test]
fn variables_that_an_env_file_planted_are_known() {
    let process = variables(&[
        ("GIT_ENVSYNC_ENV", "production"),
        ("GIT_ENVSYNC_OFFLINE", "1"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://canary.example"),
        ("AWS_REGION", "x"),
    ]);
    let file: BTreeMap<Key, SecretValue> = [
        ("GIT_ENVSYNC_ENV", "production"),
        ("GIT_ENVSYNC_OFFLINE", "0"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://canary.example"),
        ("AWS_REGION", "x"),
        ("GIT_ENVSYNC_BRANCH", "x"),
    ]
    .into_iter()
    .map(|(name, value)| (Key::new(name).expect("a key"), SecretValue::from(value)))
    .collect();
    assert_eq!(planted(&process, &file), ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "GIT_ENVSYNC_ENV"]);
}

#[test]
fn a_debug_print_shows_no_key_and_no_address() {
    let set = [
        ("GIT_ENVSYNC_IDENTITY", "AGE-SECRET-KEY-1CANARY"),
        ("GIT_ENVSYNC_STORE_A_ENDPOINT", "https://canary.example"),
    ];
    let printed = format!("{:?}", load(&set, &[], None).expect("valid"));
    assert!(!printed.to_lowercase().contains("canary"), "{printed}");
}
