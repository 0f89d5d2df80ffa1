//! Puts a command's world together: repository, settings, trust, identity, stores.

mod clouds;
mod patient;
mod repository;
mod stores;

use clouds::{Clouds, Endpoints};
use patient::Patient;
pub use repository::WorkTree;
pub use stores::{ConfiguredStores, keys_of};

use super::args::Globals;
use super::ui::{Ui, trace};
use crate::app::workspace::{Head, Options, Wanted, Workspace};
use crate::config::file::{self, FILE_NAME};
use crate::config::identity::Identity;
use crate::config::personal::{self, Personal, check_endpoint, planted};
use crate::config::places::Places;
use crate::config::trust::TrustStore;
use crate::domain::branch::BranchName;
use crate::domain::config::{Config, OnConflict};
use crate::domain::dotenv::Document;
use crate::domain::environment::EnvironmentName;
use crate::domain::record::Values;
use crate::files::{SystemClock, WorkTreeFiles};
use crate::git::{self, Repository};
use crate::ports::{Cipher, Clock, Failure, FailureKind, RequestLog, TimeBudget};
use crate::state::CommonDirState;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// All the time that a command spends on stores, where nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A command's repository with the settings that count there. The config is not trusted yet.
#[derive(Debug)]
pub struct Session {
    /// The flags.
    pub globals: Globals,
    /// The terminal.
    pub ui: Rc<Ui>,
    /// Where the user's own files are.
    pub places: Places,
    /// The repository.
    pub repository: Rc<Repository>,
    /// Files of the work tree.
    pub files: Rc<WorkTreeFiles>,
    /// The user's settings.
    pub personal: Personal,
    /// What the user has accepted here.
    pub trust: Rc<TrustStore>,
    /// `AWS_ENDPOINT_URL` and its kin.
    endpoints: Endpoints,
    budget: OnceCell<Rc<TimeBudget>>,
    log: OnceCell<Arc<dyn RequestLog>>,
}

/// The process's variables; those that are no text are none of ours.
#[must_use]
pub fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Where a command starts: `-C`, below the directory git was called from.
///
/// # Errors
/// There is no current directory.
pub fn start(globals: &Globals) -> Result<PathBuf, Failure> {
    let current = std::env::current_dir()
        .map_err(|error| Failure::new(FailureKind::Internal, "there is no current directory").because(error))?;
    Ok(globals.directory.iter().fold(current, |start, directory| start.join(directory)))
}

impl Session {
    /// Finds the repository and the settings.
    ///
    /// # Errors
    /// No repository, one that cannot be opened, settings that are none.
    pub fn open(globals: Globals, ui: Rc<Ui>) -> Result<Self, Failure> {
        let repository = Rc::new(Repository::discover(&start(&globals)?)?);
        let excluding = Rc::clone(&repository);
        let files = Rc::new(WorkTreeFiles::new(
            repository.work_tree().to_path_buf(),
            repository.git_dir().to_path_buf(),
            move |pattern| excluding.exclude(pattern).map(|_| ()),
        ));
        let mut variables = variables();
        let is_endpoint = |name: &str| name.starts_with("AWS_ENDPOINT_URL");
        let mut planted_endpoints = Vec::new();
        let in_env_files = env_file_values(&files, &variables);
        let names: BTreeSet<String> = in_env_files.iter().flat_map(|values| planted(&variables, values)).collect();
        for name in names {
            ui.note(&format!("{name} is ignored: it stands with this value in an env file of the repository"));
            planted_endpoints.extend(variables.remove(&name).filter(|_| is_endpoint(&name)));
        }
        let places = Places::find(&variables)?;
        let personal_path = places.personal_settings();
        let personal_text = read_optional(&personal_path)?;
        let personal = Personal::load(
            &variables,
            &repository.settings()?,
            personal_text.as_deref().map(|text| (personal_path.as_path(), text)),
        )?;
        let mut endpoints = Endpoints { planted: planted_endpoints, ..Endpoints::default() };
        for (name, value) in variables.iter().filter(|(name, value)| is_endpoint(name) && !value.is_empty()) {
            check_endpoint(name, value)?;
            endpoints.variables.insert(name.clone(), value.clone());
        }
        endpoints.take_sign_in(&variables);
        let from_env = variables.get("GIT_ENVSYNC_TRUST").map(String::as_str);
        let trust = Rc::new(TrustStore::new(&places.trust(), repository.common_dir(), from_env));
        let (budget, log) = (OnceCell::new(), OnceCell::new());
        Ok(Self { globals, ui, places, repository, files, personal, trust, endpoints, budget, log })
    }

    /// The text of the config; none where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn config_text(&self) -> Result<Option<String>, Failure> {
        self.files.read_text(FILE_NAME)
    }

    /// The config, whether it is trusted or not.
    ///
    /// # Errors
    /// There is none, or it is invalid.
    pub fn config(&self) -> Result<Config, Failure> {
        match self.config_text()? {
            Some(text) => Ok(file::parse(&text)?),
            None => {
                Err(Failure::new(FailureKind::Config, format!("there is no {FILE_NAME} at the top of the work tree"))
                    .hint("`git envsync init` sets the repository up"))
            }
        }
    }

    /// The config, where the user has accepted it, with the personal settings applied.
    ///
    /// # Errors
    /// There is none, it is invalid, or it has not been accepted.
    pub fn trusted_config(&self) -> Result<Config, Failure> {
        self.trusted(self.config()?)
    }

    /// A config, where the user has accepted it, with the personal settings applied.
    ///
    /// # Errors
    /// It has not been accepted.
    pub fn trusted(&self, mut config: Config) -> Result<Config, Failure> {
        if !self.trust.accepts_config(&config.digest())? {
            return Err(Failure::new(
                FailureKind::Untrusted,
                format!("{FILE_NAME} has not been accepted on this machine"),
            )
            .hint("`git envsync trust` shows what it would do and accepts it"));
        }
        self.personal.apply(&mut config);
        Ok(config)
    }

    /// The user's identity; none where there is none yet.
    ///
    /// # Errors
    /// It is set, and cannot be read.
    pub fn find_identity(&self) -> Result<Option<Identity>, Failure> {
        let setting = self.personal.identity.as_ref().map(|setting| setting.expose());
        let found = Identity::find(setting, &self.places.identity())?;
        if found.as_ref().is_some_and(Identity::too_open) {
            self.ui.note("the identity file can be read by others: `chmod 600` it");
        }
        Ok(found)
    }

    /// The user's identity.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn identity(&self) -> Result<Rc<Identity>, Failure> {
        self.find_identity()?.map(Rc::new).ok_or_else(|| {
            Failure::new(
                FailureKind::SignedOut,
                format!("there is no identity at {}", self.places.identity().display()),
            )
            .hint("`git envsync key generate` makes one; `git config envsync.identity FILE` names your own")
        })
    }

    /// The stores of a config.
    #[must_use]
    pub fn stores(&self, config: &Config, identity: &Rc<Identity>) -> ConfiguredStores {
        let cipher: Rc<dyn Cipher> = Rc::<Identity>::clone(identity);
        let clock: Rc<dyn Clock> = Rc::new(SystemClock::new());
        let mut endpoints = self.endpoints.clone();
        for name in config.stores.keys() {
            if let Some(endpoint) = self.personal.endpoint(name) {
                endpoints.stores.insert(name.clone(), endpoint.to_owned());
            }
        }
        let log = Arc::clone(self.log.get_or_init(|| trace(self.ui.verbosity)));
        let clouds = Clouds::new(endpoints, Rc::clone(&clock), self.budget(config), log);
        let repository = Rc::clone(&self.repository);
        ConfiguredStores::new(config.clone(), repository, cipher, clock, Rc::clone(&self.trust), clouds)
    }

    /// The time for all that stores are asked: a hook's, else what the user gave. One command has one.
    #[must_use]
    pub fn budget(&self, config: &Config) -> Rc<TimeBudget> {
        let budget = self.budget.get_or_init(|| {
            let limit = match self.ui.in_hook {
                true => config.hooks.time_budget,
                false => self.globals.timeout.or(self.personal.timeout).unwrap_or(DEFAULT_TIMEOUT),
            };
            Rc::new(TimeBudget::new(Rc::new(SystemClock::new()), limit))
        });
        Rc::clone(budget)
    }

    /// What is kept in the common directory, for this work tree.
    ///
    /// # Errors
    /// The work tree has no name yet and none can be given.
    pub fn state(&self, identity: &Rc<Identity>) -> Result<CommonDirState, Failure> {
        Ok(self.state_of(identity, self.repository.worktree_id()?.to_string()))
    }

    /// What is kept for a work tree of this repository.
    #[must_use]
    pub fn state_of(&self, identity: &Rc<Identity>, worktree: String) -> CommonDirState {
        let repository = Rc::clone(&self.repository);
        let live = move || Ok(repository.live_worktrees()?.into_iter().map(|id| id.to_string()).collect());
        let cipher: Rc<dyn Cipher> = Rc::<Identity>::clone(identity);
        CommonDirState::new(self.repository.state_dir(), worktree, live, cipher, SystemClock::timestamp)
    }

    /// Where HEAD is.
    ///
    /// # Errors
    /// A HEAD that cannot be read.
    pub fn head(&self) -> Result<Head, Failure> {
        Ok(head_of(self.repository.head()?))
    }

    /// The environment that `use` has put in place of the branch's.
    ///
    /// # Errors
    /// The file that says so names none.
    pub fn used(&self) -> Result<Option<EnvironmentName>, Failure> {
        crate::state::used(&self.repository.state_dir(), self.repository.worktree_id()?.as_str())
    }

    /// The workspace of a command: trusted config, identity, all ports.
    ///
    /// # Errors
    /// Whatever of it is missing.
    pub fn workspace(&self) -> Result<Workspace, Failure> {
        self.workspace_of(self.trusted_config()?, self.repository.head()?)
    }

    /// The workspace with a given config and HEAD.
    ///
    /// # Errors
    /// The identity or the state cannot be had.
    pub fn workspace_of(&self, config: Config, head: git::Head) -> Result<Workspace, Failure> {
        let identity = self.identity()?;
        let cipher: Rc<dyn Cipher> = Rc::<Identity>::clone(&identity);
        let options = Options {
            offline: self.globals.offline || self.personal.offline,
            max_age: self.globals.max_age,
            yes: self.globals.yes,
        };
        let budget = self.budget(&config);
        Ok(Workspace {
            head: head_of(head),
            wanted: self.wanted(),
            only_file: self.only_file(&config)?,
            options,
            files: Rc::<WorkTreeFiles>::clone(&self.files),
            state: Rc::new(self.state(&identity)?),
            git: Rc::new(WorkTree::new(Rc::clone(&self.repository), Rc::clone(&self.files))),
            stores: Rc::new(self.stores(&config, &identity)),
            cipher,
            clock: Rc::new(SystemClock::new()),
            asker: Rc::new(Patient::new(Rc::<Ui>::clone(&self.ui), Rc::clone(&budget))),
            budget,
            said: RefCell::default(),
            reporter: Rc::<Ui>::clone(&self.ui),
            config,
        })
    }

    /// Which environment was asked for.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            environment: self.globals.environments.first().map(EnvironmentName::new),
            branch: self.globals.branch.as_ref().map(BranchName::new),
            variable_environment: self.personal.environment.clone(),
            variable_branch: self.personal.branch.as_ref().map(BranchName::new),
        }
    }

    /// `--file`, from the top of the work tree: from the directory it is typed in, or as the config has it.
    ///
    /// # Errors
    /// There is no current directory.
    pub fn only_file(&self, config: &Config) -> Result<Option<String>, Failure> {
        let Some(typed) = &self.globals.file else { return Ok(None) };
        let typed = typed.trim_start_matches("./");
        let start = start(&self.globals)?;
        let start = start.canonicalize().unwrap_or(start);
        let prefix = start.strip_prefix(self.repository.work_tree()).unwrap_or(Path::new(""));
        let from_here = without_dots(&prefix.join(typed)).to_string_lossy().replace('\\', "/");
        // As git reads a path: from here. What the config spells is understood everywhere.
        let known = |path: &str| config.files.iter().any(|entry| entry.path.as_str() == path);
        Ok(Some(if !known(&from_here) && known(typed) { typed.to_owned() } else { from_here }))
    }

    /// How conflicts are settled where no flag says so.
    #[must_use]
    pub fn on_conflict(&self) -> OnConflict {
        self.personal.on_conflict.unwrap_or(OnConflict::Ask)
    }
}

fn head_of(head: git::Head) -> Head {
    match head {
        git::Head::Branch(branch) => Head::Branch(BranchName::new(branch)),
        git::Head::Unborn(branch) => Head::Unborn(BranchName::new(branch)),
        git::Head::Detached | git::Head::Busy(..) | git::Head::Elsewhere(_) => Head::NoBranch,
    }
}

/// A path without `.` and `..`, by its text alone.
fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
        plain
    })
}

fn read_optional(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(FailureKind::Config, format!("cannot read {}", path.display())).because(error)),
    }
}

/// The values of each env file, read only where a variable could have been planted by one.
fn env_file_values(files: &WorkTreeFiles, variables: &BTreeMap<String, String>) -> Vec<Values> {
    let suspicious = |name: &String| name.starts_with("GIT_ENVSYNC_") || name.starts_with("AWS_ENDPOINT_URL");
    if !variables.keys().any(suspicious) {
        return Vec::new();
    }
    let config = files.read_text(FILE_NAME).ok().flatten().and_then(|text| file::parse(&text).ok());
    let mut paths: Vec<String> = match &config {
        Some(config) => config.files.iter().map(|entry| entry.path.to_string()).collect(),
        None => Vec::new(),
    };
    // What loads env files by itself takes this one, whatever a config says.
    paths.push(".env".to_owned());
    let values = |path: String| {
        let text = files.read_text(&path).ok().flatten()?;
        Some(Document::parse(text.as_bytes()).values())
    };
    paths.into_iter().filter_map(values).collect()
}

/// The personal settings' choice of colour, else git's own. Settings that are wrong are told of by [`Session::open`].
#[must_use]
pub fn color_setting(globals: &Globals) -> Option<personal::Color> {
    let variables = variables();
    let repository = start(globals).ok().and_then(|start| Repository::discover(&start).ok());
    let in_git = repository.as_ref().and_then(|repository| repository.settings().ok()).unwrap_or_default();
    let path = Places::find(&variables).ok().map(|places| places.personal_settings());
    let text = path.as_ref().and_then(|path| read_optional(path).ok().flatten());
    let file = path.as_deref().zip(text.as_deref());
    let chosen = Personal::load(&variables, &in_git, file).ok().and_then(|personal| personal.color);
    chosen.or_else(|| personal::Color::parse(&repository?.color_ui()?))
}
