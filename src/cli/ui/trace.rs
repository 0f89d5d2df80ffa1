//! What `-vv` and `-vvv` tell: requests, and events of libraries.
//!
//! Values cannot get here: a request is told of by host, operation, status and duration; of an event only the module and
//! the text that stands in the library's source, never its fields, and only from modules that never see a body. What
//! `RUST_LOG` says does not count.

use super::time_of_day;
use crate::ports::{Level, RequestLog, RequestSeen};
use std::io::{self, Write};
use std::sync::Arc;

/// Tells of requests and events, as far as `verbosity` (the number of `-v`) wants it.
#[must_use]
pub fn trace(verbosity: u8) -> Arc<dyn RequestLog> {
    let trace = Arc::new(Trace { verbosity });
    #[cfg(feature = "net")]
    if trace.wants(Level::Events) {
        events::listen(Arc::clone(&trace));
    }
    trace
}

#[derive(Debug)]
struct Trace {
    verbosity: u8,
}

impl Trace {
    fn line(level: &str, text: &str) {
        // A closed standard error is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "{} {level} {text}", time_of_day());
    }
}

impl RequestLog for Trace {
    fn wants(&self, level: Level) -> bool {
        match level {
            Level::Requests => self.verbosity >= 2,
            Level::Events => self.verbosity >= 3,
        }
    }

    fn request(&self, seen: &RequestSeen<'_>) {
        if self.wants(Level::Requests) {
            let status = seen.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let milliseconds = seen.duration.as_secs_f64() * 1_000.0;
            Self::line("debug", &format!("{} {} {status} {milliseconds:.1} ms", seen.host, seen.operation));
        }
    }

    fn event(&self, module: &str, text: &str) {
        if self.wants(Level::Events) {
            Self::line("trace", &format!("{module}: {text}"));
        }
    }
}

/// The events of the libraries that speak `tracing`.
#[cfg(feature = "net")]
mod events {
    use super::Trace;
    use crate::ports::RequestLog;
    use std::fmt::Debug;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tracing_core::field::{Field, Visit};
    use tracing_core::span::{Attributes, Id, Record};
    use tracing_core::{Dispatch, Event, Metadata, Subscriber};

    /// Modules that make connections and choose among sources of credentials. None of them sees a request's or an
    /// answer's body; that rules out whatever serializes, signs or retries.
    const HEARD: [&str; 7] = [
        "aws_config::profile",
        "aws_smithy_http_client::client",
        "aws_smithy_runtime::client::http::connection_poisoning",
        "aws_smithy_runtime::client::identity",
        "aws_smithy_runtime::client::orchestrator::endpoints",
        "hyper_util::client::legacy::connect",
        "hyper_util::client::legacy::pool",
    ];

    /// Hears of events from now on. Whoever listens already goes on listening.
    pub(super) fn listen(trace: Arc<Trace>) {
        drop(tracing_core::dispatcher::set_global_default(Dispatch::new(Listener { trace, spans: AtomicU64::new(1) })));
    }

    struct Listener {
        trace: Arc<Trace>,
        spans: AtomicU64,
    }

    fn is_heard(module: &str) -> bool {
        HEARD
            .iter()
            .any(|heard| module.strip_prefix(heard).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
    }

    impl Subscriber for Listener {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.is_event() && is_heard(metadata.target())
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut text = Text(None);
            event.record(&mut text);
            if let Some(text) = text.0 {
                self.trace.event(event.metadata().target(), &text);
            }
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// The text of an event, where it is fixed.
    struct Text(Option<String>);

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                let text = format!("{value:?}");
                // What was formatted into a text is not told: it may be anything. Fixed texts have none of these.
                let is_plain = |char: char| char.is_ascii_alphabetic() || matches!(char, ' ' | ',' | '.' | '-' | '\'');
                self.0 = Some(text).filter(|text| text.len() <= 80 && text.chars().all(is_plain));
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_modules_of_the_list_are_heard() {
            assert!(is_heard("hyper_util::client::legacy::pool") && is_heard("aws_config::profile::credentials"));
            for module in [
                "hyper_util::client::legacy",
                "aws_config::profiles",
                "aws_smithy_runtime::client::orchestrator",
                "hyper::proto::h1",
            ] {
                assert!(!is_heard(module), "{module}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_adds_to_what_is_told() {
        let wants = |verbosity| [Level::Requests, Level::Events].map(|level| Trace { verbosity }.wants(level));
        assert_eq!([1, 2, 3].map(wants), [[false, false], [true, false], [true, true]]);
    }
}
