//! `--format`: everywhere the format of results, but for `export` and `import` that of their text.

use super::Globals;
use crate::domain::formats;
use crate::ports::{Failure, FailureKind};
use clap::ValueEnum;

const FORMATS: &str = "dotenv, json, yaml, toml, shell, docker and github are";

/// `--format`: how results are printed, and for `export` and `import` the format of their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// The text of an env file
    Dotenv,
    /// A mapping
    Yaml,
    /// A table of strings
    Toml,
    /// For a shell
    Shell,
    /// For docker's --env-file
    Docker,
    /// For GitHub's $GITHUB_ENV
    Github,
}

impl Globals {
    /// The format of the text that a command deals with, where it was named.
    ///
    /// # Errors
    /// A table is none.
    pub fn text_format(&self) -> Result<Option<formats::Format>, Failure> {
        use formats::Format as Text;
        Ok(match self.format {
            None => None,
            Some(Format::Table) => {
                return Err(Failure::new(FailureKind::Usage, "a table is no format for variables").hint(FORMATS));
            }
            Some(Format::Json) => Some(Text::Json),
            Some(Format::Dotenv) => Some(Text::Dotenv),
            Some(Format::Yaml) => Some(Text::Yaml),
            Some(Format::Toml) => Some(Text::Toml),
            Some(Format::Shell) => Some(Text::Shell),
            Some(Format::Docker) => Some(Text::Docker),
            Some(Format::Github) => Some(Text::Github),
        })
    }

    /// Whether `--format` is one that results can be printed in.
    ///
    /// # Errors
    /// It is one of variables.
    pub fn prints_results(&self) -> Result<(), Failure> {
        match self.format {
            None | Some(Format::Table | Format::Json) => Ok(()),
            Some(_) => {
                let what = "that --format is one of `export` and `import`: results are printed as table or json";
                Err(Failure::new(FailureKind::Usage, what))
            }
        }
    }
}
