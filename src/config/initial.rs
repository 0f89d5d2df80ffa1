//! The config that `init` proposes.

/// Marks a branch for which `init` proposes an environment of its own.
const KNOWN: [(&str, bool); 2] = [("production", true), ("staging", false)];

/// The text of a new `.envsync.toml` for a repository with these branches: one catch-all environment `development` in
/// the age store; branches called production or staging get one each, all `release/*` share one.
#[must_use]
pub fn default_config(branches: &[String]) -> String {
    let mut text = "\
# Which environment each branch gets, and where its values live.
# Commit this file: it holds no secret.
version = 1
"
    .to_owned();
    for (name, protected) in KNOWN {
        if branches.iter().any(|branch| branch == name) {
            text.push_str(&environment(name, name, protected));
        }
    }
    if branches.iter().any(|branch| branch.starts_with("release/")) {
        text.push_str("\n# All releases share one environment.");
        text.push_str(&environment("release", "release/*", false));
    }
    text.push_str("\n# Every other branch: the first environment with a matching branch wins.");
    text.push_str(&environment("development", "**", false));
    text.push_str(
        "
# Encrypted files in this repository; .envsync/recipients says who reads them.
[stores.local]
kind = \"age\"
directory = \".envsync\"
",
    );
    text
}

fn environment(name: &str, branch: &str, protected: bool) -> String {
    let protection = match protected {
        true => "protected = true          # hooks never put it into a file; writing it takes --allow-protected\n",
        false => "",
    };
    format!(
        "\n[[environment]]\nname = \"{name}\"\nbranches = [\"{branch}\"]\nstore = \"local\"\npath = \"{name}\"\n{protection}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::parse;
    use crate::domain::branch::BranchName;

    fn names_for(branches: &[&str], asked: &[&str]) -> Vec<(String, bool)> {
        let branches: Vec<String> = branches.iter().map(|branch| (*branch).to_owned()).collect();
        let config = parse(&default_config(&branches)).expect("a valid config");
        let which = |branch: &&str| config.by_branch(&BranchName::new(*branch)).expect("a catch-all");
        asked.iter().map(which).map(|which| (which.environment.to_string(), which.protected)).collect()
    }

    #[test]
    fn a_plain_repository_gets_one_environment_for_all_branches() {
        let all = names_for(&["main", "x"], &["main", "production", "release/1"]);
        assert!(all.iter().all(|(name, protected)| name == "development" && !protected));
    }

    #[test]
    fn staging_production_and_releases_get_their_own() {
        let branches = ["main", "production", "staging", "release/1", "release/2"];
        let named = |name: &str, protected| (name.to_owned(), protected);
        assert_eq!(
            names_for(&branches, &["main", "production", "staging", "release/1", "release/3"]),
            [
                named("development", false),
                named("production", true),
                named("staging", false),
                named("release", false),
                named("release", false)
            ]
        );
    }
}
