use super::*;

struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["one/.git", "two/.git"] {
            fs::create_dir_all(directory.path().join(name)).expect("a repository");
        }
        Self { directory }
    }

    fn store(&self, repository: &str, from_env: Option<&str>) -> TrustStore {
        TrustStore::new(&self.directory.path().join("state/trust"), &self.directory.path().join(repository), from_env)
    }
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn accepted_digests_accumulate_for_one_repository() {
    let fixture = Fixture::new();
    let one = fixture.store("one/.git", None);
    assert!(!one.accepts_config("a").expect("readable"));
    one.accept_config("a").expect("written");
    one.accept_config("b").expect("written");
    for store in [&one, &fixture.store("two/../one/.git", None)] {
        assert!(store.accepts_config("a").expect("readable") && store.accepts_config("b").expect("readable"));
    }
    assert!(!fixture.store("two/.git", None).accepts_config("a").expect("readable"), "another repository");
    one.revoke_all().expect("written");
    assert!(!one.accepts_config("a").expect("readable"));
}

#[test]
fn recipients_are_accepted_as_a_whole_list_of_one_directory() {
    let fixture = Fixture::new();
    let store = fixture.store("one/.git", None);
    store.accept_recipients(".envsync", &keys(&["ann", "ben"])).expect("written");
    store.accept_recipients(".envsync", &keys(&["ann"])).expect("written");
    store.accept_recipients("other", &keys(&["ben"])).expect("written");
    let accepts =
        |directory: &str, names: &[&str]| store.accepts_recipients(directory, &keys(names)).expect("readable");
    assert!(accepts(".envsync", &["ben", "ann"]) && accepts(".envsync", &["ann"]));
    assert!(!accepts(".envsync", &["ben"]) && !accepts("other", &["ann"]) && !accepts(".envsync", &[]));
    assert_eq!(store.accepted_recipient_lists(".envsync").expect("readable").len(), 2);
    store.revoke_recipients_with("ben").expect("written");
    assert!(!accepts(".envsync", &["ann", "ben"]) && !accepts("other", &["ben"]) && accepts(".envsync", &["ann"]));
}

#[test]
fn the_variable_accepts_configs_and_recipients_by_their_digests() {
    let fixture = Fixture::new();
    let list = keys(&["ann"]);
    let digest = TrustStore::recipients_digest(".envsync", &list);
    let store = fixture.store("one/.git", Some(&format!("abc, {}\n", digest.to_uppercase())));
    assert!(store.accepts_config("abc").expect("readable"));
    assert!(!store.accepts_config("").expect("readable"), "nothing is not a digest");
    assert!(store.accepts_recipients(".envsync", &list).expect("readable"));
    assert!(!store.accepts_recipients("other", &list).expect("readable"));
    assert_ne!(digest, TrustStore::recipients_digest(".envsync", &keys(&["ann", "ben"])));
}

#[test]
fn a_damaged_record_accepts_nothing_and_names_the_way_out() {
    let fixture = Fixture::new();
    let store = fixture.store("one/.git", None);
    store.accept_config("a").expect("written");
    for text in ["", "{", "[]", "{\"version\": 1}", "{\"version\": 2}"] {
        fs::write(&store.path, text).expect("written");
        for failure in [store.accepts_config("a").expect_err(text), store.accept_config("b").expect_err(text)] {
            assert_eq!(failure.kind, FailureKind::Untrusted);
            assert!(failure.what.contains(&store.path.display().to_string()) && failure.hint.is_some());
        }
        assert_eq!(fs::read_to_string(&store.path).expect("a file"), text, "nothing is lost");
    }
    store.purge().expect("removed");
    store.purge().expect("nothing to remove");
    assert!(!store.accepts_config("a").expect("readable"));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = fixture.store("one/.git", None);
            scope.spawn(move || store.accept_config(&writer.to_string()).expect("written"));
        }
    });
    let store = fixture.store("one/.git", None);
    assert!((0..8).all(|writer: u32| store.accepts_config(&writer.to_string()).expect("readable")));
}

#[cfg(unix)]
#[test]
fn the_record_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let store = fixture.store("one/.git", None);
    store.accept_config("a").expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&store.path), mode(store.path.parent().expect("a parent"))), (0o600, 0o700));
}
