//! What every verb works with: the config, the ports, and how the user called.

use crate::domain::branch::BranchName;
use crate::domain::config::{Config, SelectionError, Which};
use crate::domain::environment::EnvironmentName;
use crate::ports::{
    Asker, Cipher, Clock, EnvFiles, Failure, FailureKind, GitRepository, Reporter, StateStore, Stores, TimeBudget,
};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// One work tree with a trusted config.
#[derive(Debug)]
pub struct Workspace {
    /// The config, with personal settings applied.
    pub config: Config,
    /// Where HEAD is.
    pub head: Head,
    /// Which environment was asked for.
    pub wanted: Wanted,
    /// Which env files: all, or one.
    pub only_file: Option<String>,
    /// How the user called.
    pub options: Options,
    /// Env files.
    pub files: Rc<dyn EnvFiles>,
    /// Records, snapshots, undo.
    pub state: Rc<dyn StateStore>,
    /// Git.
    pub git: Rc<dyn GitRepository>,
    /// Stores.
    pub stores: Rc<dyn Stores>,
    /// The identity.
    pub cipher: Rc<dyn Cipher>,
    /// Time and randomness.
    pub clock: Rc<dyn Clock>,
    /// The time for all that stores are asked.
    pub budget: Rc<TimeBudget>,
    /// The person at the terminal.
    pub asker: Rc<dyn Asker>,
    /// Notes and steps.
    pub reporter: Rc<dyn Reporter>,
    /// What has been said and need not be said again.
    pub said: RefCell<BTreeSet<String>>,
}

/// How the user called.
#[derive(Debug, Clone)]
pub struct Options {
    /// Never ask a store.
    pub offline: bool,
    /// How old a snapshot may be that is fallen back to; none for any age.
    pub max_age: Option<Duration>,
    /// `--yes`.
    pub yes: bool,
}

/// Where HEAD is, as far as rules care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a branch.
    Branch(BranchName),
    /// On a branch without a commit.
    Unborn(BranchName),
    /// On no branch: detached, in a rebase, outside `refs/heads/`.
    NoBranch,
}

impl Head {
    /// The branch HEAD is on.
    #[must_use]
    pub fn branch(&self) -> Option<&BranchName> {
        match self {
            Self::Branch(branch) | Self::Unborn(branch) => Some(branch),
            Self::NoBranch => None,
        }
    }
}

/// Which environment was asked for, strongest first.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `-e`.
    pub environment: Option<EnvironmentName>,
    /// `--branch`.
    pub branch: Option<BranchName>,
    /// `GIT_ENVSYNC_ENV`.
    pub variable_environment: Option<EnvironmentName>,
    /// `GIT_ENVSYNC_BRANCH`.
    pub variable_branch: Option<BranchName>,
}

/// The environment a command is about, and why.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The environment.
    pub which: Which,
    /// What selected it.
    pub by: SelectedBy,
    /// The branch its captures come from.
    pub branch: Option<BranchName>,
}

/// What selected an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectedBy {
    /// `-e`.
    Flag,
    /// `--branch`.
    BranchFlag,
    /// `GIT_ENVSYNC_ENV`.
    Variable,
    /// `GIT_ENVSYNC_BRANCH`.
    BranchVariable,
    /// `git envsync use`.
    Use,
    /// The rule of the branch that is checked out.
    Rule,
}

/// Why no environment is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unselected {
    /// No rule matches this branch.
    Unmapped(BranchName),
    /// HEAD is on no branch.
    NoBranch,
}

impl Workspace {
    /// Notes something that several env files and environments meet, once.
    pub(super) fn note_once(&self, what: String, more: &str) {
        if self.is_news(&what) {
            self.reporter.note(&(what + more));
        }
    }

    /// Whether nobody has been told this yet. Asked, it counts as told.
    pub(super) fn is_news(&self, what: &str) -> bool {
        self.said.borrow_mut().insert(what.to_owned())
    }

    /// What a hint has to repeat of the command line, so that the command it names is about the same environment.
    #[must_use]
    pub fn typed_selection(&self) -> String {
        match (&self.wanted.environment, &self.wanted.branch) {
            (Some(name), _) => format!(" -e {name}"),
            (None, Some(branch)) => format!(" --branch {branch}"),
            (None, None) => String::new(),
        }
    }

    /// The branch a command is about: asked for, else checked out.
    #[must_use]
    pub fn branch(&self) -> Option<&BranchName> {
        Selection { config: &self.config, head: &self.head, wanted: &self.wanted }.branch()
    }

    /// The environment a command is about.
    ///
    /// # Errors
    /// A name that the config does not have.
    pub async fn select(&self) -> Result<Result<Selected, Unselected>, Failure> {
        let used = self.state.used().await?;
        Selection { config: &self.config, head: &self.head, wanted: &self.wanted }.select(used.as_ref())
    }

    /// The environment a command is about; status 7 where there is none.
    ///
    /// # Errors
    /// No environment is selected, or the config does not have it.
    pub async fn selected(&self) -> Result<Selected, Failure> {
        self.select().await?.map_err(|unselected| unselected.failure())
    }

    /// An environment by its name.
    ///
    /// # Errors
    /// The config does not have it, or its path needs a branch that does not fit.
    pub fn by_name(&self, name: &EnvironmentName, by: SelectedBy) -> Result<Selected, Failure> {
        Selection { config: &self.config, head: &self.head, wanted: &self.wanted }.by_name(name, by)
    }
}

/// All that selecting an environment takes: no identity, no store.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The config.
    pub config: &'a Config,
    /// Where HEAD is.
    pub head: &'a Head,
    /// Which environment was asked for.
    pub wanted: &'a Wanted,
}

impl<'a> Selection<'a> {
    /// The environment a command is about; `used` is the one that `use` has put in place of the branch's.
    ///
    /// # Errors
    /// A name that the config does not have.
    pub fn select(&self, used: Option<&EnvironmentName>) -> Result<Result<Selected, Unselected>, Failure> {
        let wanted = self.wanted;
        if let Some(name) = &wanted.environment {
            return self.by_name(name, SelectedBy::Flag).map(Ok);
        }
        if let Some(branch) = &wanted.branch {
            return Ok(self.by_branch(branch, SelectedBy::BranchFlag));
        }
        if let Some(name) = &wanted.variable_environment {
            return self.by_name(name, SelectedBy::Variable).map(Ok);
        }
        if let Some(branch) = &wanted.variable_branch {
            return Ok(self.by_branch(branch, SelectedBy::BranchVariable));
        }
        if let Some(name) = used {
            return self.by_name(name, SelectedBy::Use).map(Ok);
        }
        Ok(match self.head.branch() {
            Some(branch) => self.by_branch(branch, SelectedBy::Rule),
            None => Err(Unselected::NoBranch),
        })
    }

    /// The branch a command is about: asked for, else checked out.
    #[must_use]
    pub fn branch(&self) -> Option<&'a BranchName> {
        self.wanted.branch.as_ref().or(self.wanted.variable_branch.as_ref()).or(self.head.branch())
    }

    fn by_name(&self, name: &EnvironmentName, by: SelectedBy) -> Result<Selected, Failure> {
        let branch = self.branch().cloned();
        let which = self.config.by_name(name, branch.as_ref()).map_err(|error| selection_failure(&error))?;
        Ok(Selected { which, by, branch })
    }

    fn by_branch(&self, branch: &BranchName, by: SelectedBy) -> Result<Selected, Unselected> {
        match self.config.by_branch(branch) {
            Some(which) => Ok(Selected { which, by, branch: Some(branch.clone()) }),
            None => Err(Unselected::Unmapped(branch.clone())),
        }
    }
}

impl Unselected {
    /// The failure of a command that needs an environment.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let what = match self {
            Self::Unmapped(branch) => format!("no environment belongs to the branch {branch}"),
            Self::NoBranch => "HEAD is on no branch, so no environment is selected".to_owned(),
        };
        Failure::new(FailureKind::NoEnvironment, what)
            .hint("name one: `-e NAME`, or set GIT_ENVSYNC_ENV; `git envsync which` shows the rules")
    }
}

/// A selection that failed, as the user sees it.
#[must_use]
pub fn selection_failure(error: &SelectionError) -> Failure {
    Failure::new(FailureKind::NoEnvironment, error.to_string()).hint(error.hint())
}
