//! The texts that variables are exported to and imported from.
//!
//! Every format is written so that its own programs, and [`read`], get the same values back; what a format cannot hold is
//! refused by name. Nothing is left out in silence, in either direction.
//!
//! Must not know where a text comes from or goes to, or what an environment is.

mod json;
mod lines;
mod reading;
mod shell;
mod toml;
mod writing;
mod yaml;

pub use reading::{NotRead, read};
pub use writing::{NotWritten, write};

use std::fmt;

/// A text format for variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text of an env file.
    Dotenv,
    /// An object of strings.
    Json,
    /// A mapping of quoted strings.
    Yaml,
    /// Basic strings at the top level.
    Toml,
    /// `export KEY='…'` for POSIX shells.
    Shell,
    /// The raw lines of `docker run --env-file`.
    Docker,
    /// The lines of `$GITHUB_ENV` in GitHub's workflows.
    Github,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Dotenv, Self::Json, Self::Yaml, Self::Toml, Self::Shell, Self::Docker, Self::Github];

    /// The name, as it is typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Shell => "shell",
            Self::Docker => "docker",
            Self::Github => "github",
        }
    }

    /// The format of a text that nobody has named: by the extension of its file, else by how it begins, else an env file.
    #[must_use]
    pub fn of(file: Option<&str>, text: &[u8]) -> Self {
        let name = file.map(|path| path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase());
        let extension = name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
        match extension {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            Some("toml") => Self::Toml,
            Some("sh") => Self::Shell,
            Some("env") => Self::Dotenv,
            _ => Self::evident(text),
        }
    }

    fn evident(text: &[u8]) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_ascii_start();
        if text.starts_with(b"{") {
            Self::Json
        } else if text.starts_with(b"---\n") || text.starts_with(b"---\r\n") {
            Self::Yaml
        } else {
            Self::Dotenv
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
