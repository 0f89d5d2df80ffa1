//! What travels to stores, for `-vv` and `-vvv`.

use std::fmt::Debug;
use std::time::Duration;

/// Hears of every request, from whatever thread makes it. Never hears of a body or a credential.
pub trait RequestLog: Debug + Send + Sync {
    /// Whether anybody listens: nothing is put together for nobody.
    fn wants(&self, level: Level) -> bool;

    /// A request that has ended.
    fn request(&self, seen: &RequestSeen<'_>);

    /// An event of a library, from an allow-list of modules that never see a body.
    fn event(&self, module: &str, text: &str);
}

/// How much of it somebody wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `-vv`: requests.
    Requests,
    /// `-vvv`: library events too.
    Events,
}

/// One request, as it ended.
#[derive(Debug, Clone, Copy)]
pub struct RequestSeen<'a> {
    /// The host it went to.
    pub host: &'a str,
    /// What was asked: `GetSecretValue`.
    pub operation: &'a str,
    /// The HTTP status; none where there was no answer.
    pub status: Option<u16>,
    /// From the first byte sent until the head of the answer was there.
    pub duration: Duration,
}
