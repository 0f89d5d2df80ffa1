//! The document by example.

use super::*;

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

fn read(source: &str) -> BTreeMap<String, String> {
    let values = Document::parse(source.as_bytes()).values();
    values.into_iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect()
}

fn reads(source: &str, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(read(source), expected, "{source:?}");
}

fn set(source: &str, name: &str, value: &str) -> String {
    let mut document = Document::parse(source.as_bytes());
    document.set(&key(name), &SecretValue::from(value));
    String::from_utf8(document.as_bytes().to_vec()).expect("still UTF-8")
}

fn removed(source: &str, name: &str) -> String {
    let mut document = Document::parse(source.as_bytes());
    document.remove(&key(name));
    String::from_utf8(document.as_bytes().to_vec()).expect("still UTF-8")
}

fn unreadable(source: &[u8]) -> Vec<(usize, UnreadableReason)> {
    Document::parse(source).unreadable().iter().map(|line| (line.line, line.reason)).collect()
}

#[test]
fn a_hash_begins_a_comment_only_behind_white_space() {
    reads("A=a#b\n", &[("A", "a#b")]);
    reads("A=a #b\n", &[("A", "a")]);
    reads("A=a\t#b\n", &[("A", "a")]);
    reads("A=#b\n", &[("A", "#b")]);
    reads("A= #b\n", &[("A", "")]);
    reads("A='a'#b\n", &[("A", "a")]);
}

#[test]
fn double_quotes_know_six_escapes_and_leave_the_others() {
    reads(r#"A="\n\r\t\"\\\$""#, &[("A", "\n\r\t\"\\$")]);
    reads(r#"A="\q\a\'\ ""#, &[("A", r"\q\a\'\ ")]);
}

#[test]
fn single_quotes_and_backticks_are_literal() {
    reads(r"A='\n\\'", &[("A", r"\n\\")]);
    reads("A=`a b`", &[("A", "`a b`")]);
}

#[test]
fn a_line_break_inside_quotes_is_lf_whatever_the_file_uses() {
    reads("A='1\r\n2'\r\nB=\"1\r\n2\"\r\n", &[("A", "1\n2"), ("B", "1\n2")]);
}

#[test]
fn export_and_space_around_the_key_do_not_matter() {
    reads("export \t A\t=\t1\n  B=2\nexport=3\n", &[("A", "1"), ("B", "2"), ("export", "3")]);
}

#[test]
fn a_line_that_cannot_be_read_is_reported_by_its_number_and_the_rest_is_read() {
    use UnreadableReason::*;
    assert_eq!(unreadable(b"A=1\nexport A\nA\nA: 1\n"), [(2, NoAssignment), (3, NoAssignment), (4, NoAssignment)]);
    assert_eq!(unreadable("KÉY=1\n=1\n'A'=1\nA B=1\n".as_bytes()).len(), 4);
    assert_eq!(unreadable(b"A='x' y\nB=\"1\"2\n"), [(1, TextAfterQuote), (2, TextAfterQuote)]);
    assert_eq!(unreadable(b"A=caf\xe9\n# caf\xe9\n"), [(1, NotUtf8)]);
    assert_eq!(unreadable(b"B='1\n2'\nA=\"abc\nC=3\n"), [(3, UnterminatedQuote)]);
    reads("A=\"abc\nC=3\n", &[("C", "3")]);
    assert_eq!(Document::parse(b"A\n").unreadable()[0].to_string(), "line 1: no '=' behind a name");
}

#[test]
fn the_last_of_duplicates_counts_is_edited_and_all_are_removed() {
    let source = "A=1\nB=2\nA=3 # c\n";
    reads(source, &[("A", "3"), ("B", "2")]);
    assert_eq!(set(source, "A", "4"), "A=1\nB=2\nA=4 # c\n");
    assert_eq!(removed(source, "A"), "B=2\n");
    let document = Document::parse(source.as_bytes());
    assert_eq!(document.keys_in_order(), [key("A"), key("B")]);
    assert_eq!(document.line_of(&key("A")), Some(3));
}

#[test]
fn an_edit_keeps_export_spacing_and_comment() {
    assert_eq!(set("export A = 'x'  # why\n", "A", "y"), "export A = y  # why\n");
    assert_eq!(set("A=\"x\"#why\n", "A", "y"), "A='y'#why\n", "a bare value would swallow the comment");
    assert_eq!(set("A= # why\n", "A", "y"), "A=y # why\n");
    assert_eq!(set("A = \n", "A", "y"), "A = y\n");
}

#[test]
fn a_new_key_goes_to_the_end_in_the_manner_of_the_file() {
    assert_eq!(set("", "B", "2"), "B=2\n");
    assert_eq!(set("A=1\n", "B", "2"), "A=1\nB=2\n");
    assert_eq!(set("A=1", "B", "2"), "A=1\nB=2");
    assert_eq!(set("A=1\r\n", "B", "2"), "A=1\r\nB=2\r\n");
    assert_eq!(set("A=1\r\nC=3", "B", "2"), "A=1\r\nC=3\r\nB=2");
    assert_eq!(set("\u{feff}A=1\n", "B", "2"), "\u{feff}A=1\nB=2\n");
    assert_eq!(set("export A=1\n", "B", "2"), "export A=1\nexport B=2\n");
    assert_eq!(set("export A=1\nC=3\n", "B", "2"), "export A=1\nC=3\nB=2\n");
}

#[test]
fn a_removal_takes_the_line_with_its_comment_and_leaves_the_lines_above() {
    assert_eq!(removed("# about A\nA=1 # c\nB=2\n", "A"), "# about A\nB=2\n");
    assert_eq!(removed("A='1\n2'\nB=2\n", "A"), "B=2\n");
    assert_eq!(removed("A=1\nB=2", "B"), "A=1", "a missing final line break stays missing");
    assert_eq!(removed("A=1\nB=2\n", "B"), "A=1\n");
    assert_eq!(removed("A=1\n", "C"), "A=1\n");
}

#[test]
fn an_open_quote_above_swallows_nothing() {
    assert_eq!(set("A='open\n", "B", "canary two"), "A='open\nB=\"canary two\"\n");
    assert_eq!(set("A='open\nC=\"open\n", "B", "canary two"), "A='open\nC=\"open\nB=canary two\n");
    assert_eq!(set("A='open\nC=\"open\n", "B", " "), "B=' '\nA='open\nC=\"open\n", "no other spelling is safe");
    let held = "A='open\nB=it's\nC='\nD=2\n";
    reads(held, &[("B", "it's"), ("D", "2")]);
    assert_eq!(removed(held, "B"), "A='open\n# '\"' ends the open quote above\nC='\nD=2\n");
}

#[test]
fn a_file_without_assignments_is_known() {
    assert!(!Document::parse(b"\xef\xbb\xbf# nothing\n\nA\n").has_assignments());
    assert!(Document::parse(b"A=").has_assignments());
}

#[test]
fn a_key_is_local_where_its_comment_says_so() {
    let source = "A=1 # envsync: local\nB='2' #envsync:local, mine\nC=3 # envsync: locally\n# envsync: local\nD=4\nE='# envsync: local'\n";
    let local = Document::parse(source.as_bytes()).marked_local();
    assert_eq!(local, BTreeSet::from([key("A"), key("B")]));
}

#[test]
fn an_example_tells_required_from_optional_keys() {
    let example = parse_example(
        b"A=1\nB=2 # optional\n# optional: for tests\n# and more\nC=\n# optional things follow\nD=\n# optional\n\nE=\n",
    );
    assert_eq!(example.required, BTreeSet::from([key("A"), key("D"), key("E")]));
    assert_eq!(example.optional, BTreeSet::from([key("B"), key("C")]));
    assert_eq!(example.values[&key("A")].expose(), "1");
}

#[test]
fn a_new_file_takes_order_and_comments_of_the_example() {
    let example =
        Document::parse(b"# Database\r\nURL=postgres://localhost # local one\r\n\r\nGONE=1\r\nexport B=x\r\nbad\r\n");
    let values = [("B", "canary two"), ("URL", "canary-url"), ("Z", "canary\nz"), ("A", "")];
    let values = values.into_iter().map(|(name, value)| (key(name), SecretValue::from(value))).collect();
    let document = from_example(&example, &values);
    let expected = "# Database\nURL=canary-url # local one\n\nexport B='canary two'\nA=''\nZ='canary\nz'\n";
    assert_eq!(str::from_utf8(document.as_bytes()), Ok(expected));
}

#[test]
fn debug_output_counts_and_shows_nothing() {
    assert_eq!(format!("{:?}", Document::parse(b"A=canary-1\n")), "Document [11 bytes, 1 keys]");
}

#[test]
fn a_key_is_marked_as_local_behind_its_value_and_once() {
    let key = Key::new("A").expect("a key");
    for (source, marked) in [
        ("A=1\nB=2\n", "A=1 # envsync: local\nB=2\n"),
        ("A='x\ny'\r\nB=2", "A='x\ny' # envsync: local\r\nB=2"),
        ("A=1 # mine\n", "A=1 # mine\n"),
    ] {
        let mut document = Document::parse(source.as_bytes());
        document.mark_local(&key);
        assert_eq!(document.as_bytes(), marked.as_bytes());
        assert!(!document.mark_local(&key));
    }
}
