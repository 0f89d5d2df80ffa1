//! What the demo shows, as data: who types what, and how it is to end.

/// Who types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// The reader.
    You,
    /// A colleague, with a clone and an identity of her own.
    Ada,
}

impl Person {
    /// Everybody.
    pub(super) const ALL: [Self; 2] = [Self::You, Self::Ada];

    /// The name in prompts, and of the home directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::Ada => "ada",
        }
    }
}

/// A line of shell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Who types it.
    pub(super) by: Person,
    /// What is typed. It is run as it stands, by `sh`.
    pub(super) shell: &'static str,
    /// The status it ends with; any other stops the demo.
    pub(super) ends: i32,
}

/// Lines that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// What they are about.
    pub(super) title: &'static str,
    /// The lines.
    pub(super) lines: &'static [Line],
}

const fn you(shell: &'static str) -> Line {
    Line { by: Person::You, shell, ends: 0 }
}

const fn ada(shell: &'static str) -> Line {
    Line { by: Person::Ada, shell, ends: 0 }
}

/// Run first, and not shown: an origin, and a repository as anybody has one.
pub(super) const BEFORE: &[Line] = &[
    you("git init -q --bare ../origin.git"),
    you("git clone -q ../origin.git shop"),
    you("echo 'A shop.' > README && git add README && git commit -qm 'Begin' && git branch staging"),
    you("printf '%s\\n' '# the shop' 'API_URL=https://dev.example' 'API_KEY=canary-dev' > .env"),
];

/// The steps, in order.
pub(super) const STORY: &[Step] = &[
    Step {
        title: "You set up a repository that has an env file and two branches",
        lines: &[
            you("cat .env"),
            you("git envsync init"),
            you("git add . && git commit -qm 'Set up envsync' && git branch -f staging"),
        ],
    },
    Step {
        title: "Staging gets values of its own",
        lines: &[
            you("git switch -q staging"),
            you("git envsync push --yes"),
            you("echo canary-staging | git envsync set API_KEY"),
            you("git envsync push"),
            you("git add . && git commit -qm 'Staging has a key of its own'"),
        ],
    },
    Step {
        title: "The env file follows the branch; what is not pushed waits with its own",
        lines: &[
            you("git switch -q main"),
            you("echo canary-draft | git envsync set NEW_FLAG"),
            you("git switch -q staging && cat .env"),
            you("git switch -q main && cat .env"),
            you("git push -q --all"),
        ],
    },
    Step {
        title: "Ada joins: she accepts the config, and sends you her public key",
        lines: &[
            ada("git clone -q ../origin.git shop"),
            ada("git envsync trust --yes"),
            Line { by: Person::Ada, shell: "git envsync init", ends: 5 },
            ada("git envsync key show > ../../ada.pub"),
            you("git envsync recipient add \"$(cat ../../ada.pub)\" --name Ada"),
            you("git commit -qam 'Ada can read the store' && git push -q"),
        ],
    },
    Step {
        title: "Ada has the values, and changes two while you change one of them",
        lines: &[
            ada("git pull -q && cat .env"),
            ada("git envsync trust --yes"),
            ada("echo canary-ada | git envsync set API_KEY"),
            ada("echo redis://cache.example | git envsync set CACHE_URL"),
            ada("git envsync push"),
            ada("git commit -qam 'New key, and a cache' && git push -q"),
            you("echo canary-yours | git envsync set API_KEY"),
        ],
    },
    Step {
        title: "You meet the conflict and settle it; the rest merges by itself",
        lines: &[
            you("git pull -q"),
            you("git envsync status"),
            you("git envsync resolve API_KEY --remote"),
            you("git envsync sync"),
            you("cat .env"),
            you("git commit -qam 'New flag' && git push -q"),
        ],
    },
];
