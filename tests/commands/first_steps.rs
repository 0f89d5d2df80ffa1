//! From an empty repository to two branches.

use crate::support::Lab;

#[test]
fn a_switch_puts_the_branch_s_variables_into_the_file_and_parks_unpushed_ones() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("# database\nURL=canary-url\nKEY=canary-one # note\n");
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push"]).ends(4).says("push --yes");
    repo.envsync(["push", "--yes"]).ok();
    repo.edit("KEY", "canary-staging");
    repo.envsync(["push"]).ok();
    repo.commit("staging");
    repo.switch("main");
    assert_eq!(repo.value("KEY").as_deref(), Some("canary-one"));
    repo.edit("MINE", "canary-mine");
    repo.switch("staging");
    assert_eq!(repo.value("KEY").as_deref(), Some("canary-staging"));
    assert_eq!(repo.value("MINE"), None);
    repo.switch("main");
    assert_eq!(repo.value("MINE").as_deref(), Some("canary-mine"));
}
