//! `hook NAME`: called by the shims. Post-hooks end with 0 whatever happens; pre-push with 0 or 1.

use crate::app::hooks::{self, Cause};
use crate::app::verify::{self, Finding, Judged, LeakSearch};
use crate::app::workspace::{SelectedBy, Workspace};
use crate::cli::args::Globals;
use crate::cli::render::findings::lines;
use crate::cli::ui::Ui;
use crate::cli::wiring::Session;
use crate::config::file::{self, FILE_NAME};
use crate::domain::branch::BranchName;
use crate::domain::config::{OnError, PrePush};
use crate::git::{Head, PushedRef, hooks as shims, parse_pre_push};
use crate::ports::Failure;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

/// How a shim called.
pub(super) struct Called {
    /// The hook that was here before, where the program is to run it.
    pub(super) chain: Option<PathBuf>,
    /// The hook.
    pub(super) name: String,
    /// Git's arguments.
    pub(super) arguments: Vec<OsString>,
}

impl Called {
    fn argument(&self, place: usize) -> &str {
        self.arguments.get(place).and_then(|argument| argument.to_str()).unwrap_or_default()
    }
}

pub(super) async fn run(globals: Globals, ui: Rc<Ui>, called: &Called) -> u8 {
    let input = read_input(called);
    if let Some(chained) = &called.chain
        && let Ok(status @ 1..) = shims::run_chained(chained, &called.arguments, input.as_deref())
        && called.name == "pre-push"
    {
        return u8::from(status != 0);
    }
    if std::env::var_os("GIT_ENVSYNC").is_some_and(|value| value == "0") {
        return 0;
    }
    let cause = match called.name.as_str() {
        "post-checkout" if called.argument(2) == "0" => return 0,
        "post-checkout" => Cause::Checkout,
        "post-merge" => Cause::Merge,
        "post-rewrite" => Cause::Rewrite,
        "pre-push" => return pre_push(globals, &ui, called, &input.unwrap_or_default()).await,
        _ => return 0,
    };
    if let Err(failure) = post(globals, &ui, cause).await {
        ui.note(&hooks::line(&failure));
    }
    0
}

/// Standard input of the hooks that have one. It is read once: the chained hook gets a copy.
fn read_input(called: &Called) -> Option<Vec<u8>> {
    if !matches!(called.name.as_str(), "pre-push" | "post-rewrite") {
        return None;
    }
    let mut input = Vec::new();
    // What cannot be read is an empty list: nothing to check.
    let _ = std::io::stdin().lock().read_to_end(&mut input);
    Some(input)
}

async fn post(globals: Globals, ui: &Rc<Ui>, cause: Cause) -> Result<(), Failure> {
    let session = Session::open(globals, Rc::clone(ui))?;
    // While post-rewrite runs, HEAD is back on its branch, but the rebase's directory is still there.
    let head = match cause {
        Cause::Rewrite => session.repository.attached_head()?,
        Cause::Checkout | Cause::Merge => session.repository.head()?,
    };
    if !matches!(head, Head::Branch(_)) {
        return Ok(());
    }
    let Some(text) = session.config_text()? else { return Ok(()) };
    let workspace = session.workspace_of(session.trusted(file::parse(&text)?)?, head)?;
    hooks::run(&workspace, cause).await;
    Ok(())
}

async fn pre_push(globals: Globals, ui: &Rc<Ui>, called: &Called, input: &[u8]) -> u8 {
    let pushed: Vec<PushedRef> = parse_pre_push(input).into_iter().filter(PushedRef::needs_check).collect();
    if pushed.is_empty() {
        return 0;
    }
    let session = match Session::open(globals, Rc::clone(ui)) {
        Ok(session) => session,
        Err(failure) => {
            ui.note(&format!("this push is not checked: {}", hooks::line(&failure)));
            return 0;
        }
    };
    let mut check = PushCheck {
        session: &session,
        remote: called.argument(0).to_owned(),
        findings: Vec::new(),
        errors: Vec::new(),
        stops: false,
    };
    for one in &pushed {
        check.one(one).await;
    }
    check.end()
}

/// The check of one push.
struct PushCheck<'a> {
    session: &'a Session,
    remote: String,
    findings: Vec<Finding>,
    errors: Vec<Failure>,
    stops: bool,
}

/// What the config of one pushed commit says of this hook. Another commit of the same push may say something else.
#[derive(Debug, Clone, Copy)]
struct Policy {
    pre_push: PrePush,
    on_error: OnError,
}

impl Default for Policy {
    /// What counts where no config can be read that the user has accepted.
    fn default() -> Self {
        Self { pre_push: PrePush::Block, on_error: OnError::Allow }
    }
}

impl PushCheck<'_> {
    async fn one(&mut self, pushed: &PushedRef) {
        let mut policy = Policy::default();
        let mut findings = Vec::new();
        if let Err(failure) = self.try_one(pushed, &mut policy, &mut findings).await {
            self.stops |= policy.on_error == OnError::Block;
            self.errors.push(failure);
        }
        for finding in &mut findings {
            finding.blocks &= policy.pre_push == PrePush::Block;
            self.stops |= finding.blocks;
        }
        self.findings.append(&mut findings);
    }

    async fn try_one(
        &self,
        pushed: &PushedRef,
        policy: &mut Policy,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let head = self.session.repository.head_commit().map(|commit| commit.to_string());
        let is_head = head.as_deref() == Some(pushed.local_oid.as_str());
        let workspace = match self.workspace(pushed) {
            Ok(Some(workspace)) => workspace,
            Ok(None) => return Ok(()),
            Err(failure) => {
                // Nothing is done on the word of a config that was not accepted; the work tree's still counts for leaks.
                if let Ok(config) = self.session.trusted_config() {
                    let workspace = self.session.workspace_of(config, self.session.repository.head()?)?;
                    findings.extend(verify::leaks(&workspace, &self.leak_search(pushed)).await?);
                }
                return Err(failure);
            }
        };
        *policy = Policy { pre_push: workspace.config.hooks.pre_push, on_error: workspace.config.hooks.on_error };
        if workspace.config.hooks.pre_push == PrePush::Off {
            return Ok(());
        }
        findings.extend(verify::leaks(&workspace, &self.leak_search(pushed)).await?);
        if !self.has_config(pushed)? {
            return Ok(());
        }
        let judged = Judged::Commit { id: pushed.local_oid.clone(), is_head };
        if let Some(selected) = pushed.branch().and_then(|branch| {
            let branch = BranchName::new(branch);
            let which = workspace.config.by_branch(&branch)?;
            Some(crate::app::workspace::Selected { which, by: SelectedBy::Rule, branch: Some(branch) })
        }) {
            findings.extend(verify::environment(&workspace, &selected, &judged).await?);
        }
        Ok(())
    }

    fn leak_search(&self, pushed: &PushedRef) -> LeakSearch {
        LeakSearch {
            tips: vec![pushed.local_oid.clone()],
            remote: Some(self.remote.clone()),
            known: vec![pushed.remote_oid.clone()],
        }
    }

    fn has_config(&self, pushed: &PushedRef) -> Result<bool, Failure> {
        Ok(self.session.repository.blob_at(&pushed.local_oid, FILE_NAME)?.is_some())
    }

    /// The workspace by the config of the commit that is pushed; one without a config is searched for leaks by the work
    /// tree's. None where there is no config at all.
    fn workspace(&self, pushed: &PushedRef) -> Result<Option<Workspace>, Failure> {
        let committed = self.session.repository.blob_at(&pushed.local_oid, FILE_NAME)?;
        let text = match committed {
            Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            None => self.session.config_text()?,
        };
        let Some(text) = text else { return Ok(None) };
        let config = self.session.trusted(file::parse(&text)?)?;
        self.session.workspace_of(config, self.session.repository.head()?).map(Some)
    }

    fn end(mut self) -> u8 {
        self.findings.sort();
        self.findings.dedup();
        let ui = &self.session.ui;
        for line in lines(&self.findings) {
            ui.error_line(&line);
        }
        for failure in &self.errors {
            ui.error_line(&format!("not all was checked: {}", hooks::line(failure)));
        }
        if self.stops {
            ui.error_line("the push is stopped; `git push --no-verify` pushes all the same");
        }
        u8::from(self.stops)
    }
}
