//! `status`, `diff`, `fetch`, `pull`, `push`, `sync`, `use`, `restore`, `resolve`.

use super::{Telling, key, show};
use crate::app::compare::{self, Side};
use crate::app::decide::{Prefer, Request};
use crate::app::reconcile::reconcile;
use crate::app::report::Report;
use crate::app::store_file::{self, Resolved};
use crate::app::workspace::Workspace;
use crate::app::{settle, use_environment as using};
use crate::cli::Ended;
use crate::cli::args::{DirectionFlag, MergeFlags, PreferFlag, WriteFlags};
use crate::cli::wiring::Session;
use crate::domain::config::OnConflict;
use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::plan::{Choice, Direction};
use crate::ports::{Failure, FailureKind};

fn end(session: &Session, workspace: &Workspace, command: &str, report: &Report, telling: Telling) -> Ended {
    show(session, command, workspace.cipher.as_ref(), report, telling)
}

/// 1 where something differs and the user asked to hear of it so.
fn with_exit_code(ended: Ended, report: &Report, exit_code: bool) -> Ended {
    let differs = report.targets.iter().any(|target| {
        let summary = target.summary;
        summary.incoming + summary.outgoing + summary.conflicts > 0
            || (target.sides.is_some() && !target.changes.is_empty())
    });
    match ended? {
        0 if exit_code && differs => Ok(1),
        status => Ok(status),
    }
}

pub(super) async fn status(session: &Session, exit_code: bool) -> Ended {
    let workspace = session.workspace()?;
    let report = compare::status(&workspace).await?;
    let ended = end(session, &workspace, "status", &report, Telling::State);
    if !session.globals.wants_json() {
        tell_orphans(session, &workspace).await?;
    }
    with_exit_code(ended, &report, exit_code)
}

/// What work trees that are gone have left behind.
async fn tell_orphans(session: &Session, workspace: &Workspace) -> Result<(), Failure> {
    for orphan in workspace.state.orphans().await? {
        let parked: usize = orphan.parked.values().map(|parked| parked.changes.len()).sum();
        session.ui.note(&format!(
            "the work tree {} is gone and left {} parked and {} to undo: `git envsync undo --list`",
            orphan.worktree,
            crate::app::report::count(parked, "change"),
            crate::app::report::count(orphan.undo.len(), "entry").replace("entrys", "entries"),
        ));
    }
    Ok(())
}

pub(super) async fn diff(session: &Session, (a, b): (&str, &str), exit_code: bool) -> Ended {
    let workspace = session.workspace()?;
    let sides = (Side::parse(a)?, Side::parse(b)?, (a.to_owned(), b.to_owned()));
    let report = compare::diff(&workspace, Some(sides)).await?;
    let ended = end(session, &workspace, "diff", &report, Telling::State);
    with_exit_code(ended, &report, exit_code)
}

pub(super) async fn fetch(session: &Session) -> Ended {
    let workspace = session.workspace()?;
    let report = compare::fetch(&workspace).await?;
    end(session, &workspace, "fetch", &report, Telling::Deed)
}

impl Session {
    /// How conflicts are settled: the flag, else the personal setting.
    pub(super) fn prefer(&self, flag: Option<PreferFlag>) -> Prefer {
        match flag {
            Some(PreferFlag::Local) => Prefer::Local,
            Some(PreferFlag::Remote) => Prefer::Remote,
            Some(PreferFlag::Ask) => Prefer::Ask,
            Some(PreferFlag::Stop) => Prefer::Stop,
            None => match self.on_conflict() {
                OnConflict::Local => Prefer::Local,
                OnConflict::Remote => Prefer::Remote,
                OnConflict::Ask => Prefer::Ask,
                OnConflict::Stop => Prefer::Stop,
            },
        }
    }

    fn request(&self, command: &'static str, direction: Direction, write: &WriteFlags) -> Request {
        Request {
            dry_run: write.dry_run,
            allow_protected: write.allow_protected.as_ref().map(EnvironmentName::new),
            ..Request::new(command, direction)
        }
    }
}

pub(super) async fn pull(session: &Session, flags: &MergeFlags, allow_empty: bool) -> Ended {
    let forced = flags.force.then_some(PreferFlag::Remote);
    let request = Request {
        prefer: session.prefer(flags.prefer.or(forced)),
        allow_empty,
        ..session.request("pull", Direction::ToLocal, &flags.write)
    };
    run(session, &request).await
}

pub(super) async fn push(session: &Session, flags: &MergeFlags, prune: bool) -> Ended {
    let forced = flags.force.then_some(PreferFlag::Local);
    let request = Request {
        prefer: session.prefer(flags.prefer.or(forced)),
        prune,
        ..session.request("push", Direction::ToRemote, &flags.write)
    };
    run(session, &request).await
}

pub(super) async fn sync(
    session: &Session,
    prefer: Option<PreferFlag>,
    write: &WriteFlags,
    prune: bool,
    direction: DirectionFlag,
) -> Ended {
    let direction = match direction {
        DirectionFlag::Both => Direction::Both,
        DirectionFlag::ToRemote => Direction::ToRemote,
        DirectionFlag::ToLocal => Direction::ToLocal,
    };
    let request = Request { prefer: session.prefer(prefer), prune, ..session.request("sync", direction, write) };
    run(session, &request).await
}

async fn run(session: &Session, request: &Request) -> Ended {
    let workspace = session.workspace()?;
    let report = reconcile(&workspace, request).await?;
    end(session, &workspace, request.command, &report, Telling::Deed)
}

pub(super) async fn use_environment(session: &Session, name: &str, allow_protected: Option<&str>) -> Ended {
    let mut workspace = session.workspace()?;
    if let Some(allowed) = allow_protected.filter(|allowed| *allowed != name && name != "-") {
        return Err(Failure::new(FailureKind::Usage, format!("--allow-protected names {allowed}, not {name}")));
    }
    let report = if name == "-" {
        using::use_branch(&mut workspace).await?
    } else {
        using::use_environment(&mut workspace, &EnvironmentName::new(name)).await?
    };
    end(session, &workspace, "use", &report, Telling::Deed)
}

pub(super) async fn restore(session: &Session, keys: &[String]) -> Ended {
    let workspace = session.workspace()?;
    let report = settle::restore(&workspace, &parse_keys(keys)?).await?;
    end(session, &workspace, "restore", &report, Telling::Deed)
}

pub(super) async fn resolve(session: &Session, keys: &[String], local: bool, remote: bool) -> Ended {
    let choice = match (local, remote) {
        (true, _) => Some(Choice::Local),
        (_, true) => Some(Choice::Remote),
        _ => None,
    };
    let workspace = session.workspace()?;
    let keys = parse_keys(keys)?;
    if choice.is_none() && !session.ui.interactive {
        return Err(Failure::new(FailureKind::Usage, "which side wins?")
            .hint("`git envsync resolve [KEY...] --local` or `--remote`"));
    }
    let merged = store_file::resolve_unmerged(&workspace, &keys, choice).await?;
    if merged.is_empty() {
        let report = settle::resolve(&workspace, &keys, choice).await?;
        return end(session, &workspace, "resolve", &report, Telling::Deed);
    }
    resolved(session, &workspace, &merged).await
}

/// Says what became of the store files, and brings the result into the env file as a pull would.
async fn resolved(session: &Session, workspace: &Workspace, merged: &[Resolved]) -> Ended {
    let mut open = Vec::new();
    for file in merged {
        let settled: Vec<&str> = file.settled.iter().map(Key::as_str).collect();
        if file.open.is_empty() {
            let with = if settled.is_empty() { String::new() } else { format!(", {} settled", settled.join(", ")) };
            session.ui.note(&format!("{} is merged and staged{with}", file.path));
        }
        open.extend(file.open.iter().map(|key| format!("{key} in {}", file.path)));
    }
    if !open.is_empty() {
        return Err(Failure::new(FailureKind::Conflict, format!("still unmerged: {}", open.join(", ")))
            .hint("`git envsync resolve KEY --local|--remote`"));
    }
    session.ui.note("`git commit` ends the merge, `git rebase --continue` a rebase");
    if workspace.select().await?.is_err() {
        return Ok(0);
    }
    let request = Request { prefer: Prefer::Stop, ..Request::new("resolve", Direction::ToLocal) };
    let report = reconcile(workspace, &request).await?;
    end(session, workspace, "resolve", &report, Telling::Deed)
}

fn parse_keys(keys: &[String]) -> Result<Vec<Key>, Failure> {
    keys.iter().map(|text| key(text)).collect()
}
