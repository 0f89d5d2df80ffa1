//! Amazon's services for tests: moto on loopback, or with `ENVSYNC_TEST_AWS=PROFILE` the real account of that profile.
//!
//! There is one server a test process, started by the first test that asks and gone with the process: the server ends
//! when its standard input does. Tests keep apart by [`Moto::prefix`]. What moto gets wrong, what of it is repaired and what
//! is not, is listed in `moto.py`, beside the repairs.

use serde_json::Value;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The script that is the server and the console.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/moto.py");

/// The region of everything on moto.
const REGION: &str = "eu-central-1";

/// Where the tests' secrets and parameters live, and a console to look at them behind the program's back.
pub struct Moto {
    /// None: a real account.
    url: Option<String>,
    region: String,
    credentials: Vec<(&'static str, String)>,
    console: Mutex<Console>,
}

/// A process that runs Python with boto3.
struct Console {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Held, so that nobody waits for it: it ends by itself.
    _process: Child,
}

impl Moto {
    /// The server of this test process or the real account. None where there is neither, which is said: `left_out` is
    /// what then is not tested.
    pub fn get(left_out: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Moto>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let profile = env::var("ENVSYNC_TEST_AWS").ok().filter(|profile| !profile.is_empty());
            let python = env::var_os("ENVSYNC_MOTO")?;
            Some(Self::start(Command::new(python).arg(SCRIPT).args(profile.as_slice()), profile.is_some()))
        });
        if shared.is_none() {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "in CI, ENVSYNC_MOTO must name a Python with moto");
            say_left_out(&format!("{left_out} (ENVSYNC_MOTO names no Python with moto: tests/run does)"));
        }
        shared.as_ref()
    }

    /// The server of this test process, for what cannot be had from a real account: faults, another account, time.
    pub fn on_loopback(left_out: &str) -> Option<&'static Self> {
        let shared = Self::get(left_out)?;
        if shared.url.is_none() {
            say_left_out(&format!("{left_out} (a real account cannot be made to fail)"));
            return None;
        }
        Some(shared)
    }

    fn start(command: &mut Command, real: bool) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ENVSYNC_MOTO runs");
        let mut console = Console {
            input: process.stdin.take().expect("standard input is a pipe"),
            output: BufReader::new(process.stdout.take().expect("standard output is a pipe")),
            _process: process,
        };
        let first = console.line();
        let port = first.strip_prefix("port ").unwrap_or_else(|| panic!("moto.py did not start: {first}"));
        let console = Mutex::new(console);
        if !real {
            let credentials = vec![
                ("AWS_ACCESS_KEY_ID", "canary-id".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "canary-secret".to_owned()),
            ];
            let url = Some(format!("http://127.0.0.1:{port}"));
            return Self { url, region: REGION.into(), credentials, console };
        }
        let mut account = Self { url: None, region: REGION.into(), credentials: Vec::new(), console };
        let found = account.boto("result = account()");
        account.region = found["region"].as_str().unwrap_or(REGION).into();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            if let Some(value) = found[name].as_str() {
                account.credentials.push((name, value.into()));
            }
        }
        account
    }

    /// Where the server listens, `http://127.0.0.1:PORT`. Only from [`on_loopback`](Self::on_loopback).
    pub fn url(&self) -> &str {
        self.url.as_deref().expect("a server of our own was asked for")
    }

    /// The region of the stores; for the config.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The variables with which a program finds this server or account, and nothing of the machine's own settings.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_at(self.url.as_deref())
    }

    /// The same, by way of a server in between.
    pub fn variables_at(&self, url: Option<&str>) -> Vec<(&'static str, String)> {
        let mut variables = self.credentials.clone();
        for (name, value) in [
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ] {
            variables.push((name, value.into()));
        }
        if let Some(url) = url {
            variables.push(("AWS_ENDPOINT_URL", url.into()));
            variables.push(("NO_PROXY", "127.0.0.1,localhost".into()));
        }
        variables
    }

    /// A location that no other test and no other run uses.
    pub fn prefix(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("envsync-tests/{now}-{}-{number}", std::process::id())
    }

    /// Runs Python that has the boto3 clients `sm` and `ssm`, and gives back what it left in `result`. A JSON text is a
    /// Python literal where it has neither `true`, `false` nor `null`: so are strings passed.
    #[track_caller]
    pub fn boto(&self, python: &str) -> Value {
        let answer = self.console.lock().unwrap_or_else(PoisonError::into_inner).run(python);
        let mut answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        if let Some(error) = answer["error"].as_str() {
            panic!("{error}\nin\n{python}");
        }
        answer["ok"].take()
    }

    /// Removes everything under a prefix, at once and for good.
    pub fn remove(&self, prefix: &str) {
        self.boto(&format!("remove({prefix:?})"));
    }

    /// Whether this is a real account, where what a test made has to be removed.
    pub fn is_real(&self) -> bool {
        self.url.is_none()
    }
}

impl Console {
    fn run(&mut self, python: &str) -> String {
        let line = serde_json::to_string(python).expect("text is JSON") + "\n";
        self.input.write_all(line.as_bytes()).expect("the console runs");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the console answers");
        assert!(!line.is_empty(), "the console of boto3 ended: see its error above");
        line.trim_end().to_owned()
    }
}

/// Where the server of this test process listens, for those who want nothing else of it.
pub fn url(left_out: &str) -> Option<&'static str> {
    Moto::on_loopback(left_out).map(Moto::url)
}

/// Asks the server around the program, as another client would: an operation of the JSON protocol, such as
/// `AmazonSSM`, `GetParameter`. Answers the status and the body.
pub fn call(url: &str, service: &str, operation: &str, body: &str) -> (u16, String) {
    let host = url.trim_start_matches("http://");
    let scope = if service == "AmazonSSM" { "ssm" } else { service };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: {service}.{operation}\r\ncontent-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=canary-id/20260101/{REGION}/{scope}/aws4_request, SignedHeaders=host, Signature=none\r\n\r\n",
        body.len()
    );
    let mut server = TcpStream::connect(host).expect("the server runs");
    server.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("the server reads");
    let mut answer = String::new();
    server.read_to_string(&mut answer).expect("the server answers in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body.to_owned())
}

fn say_left_out(what: &str) {
    // Not by a macro: the harness would keep the line of a test that passes to itself.
    std::io::stderr().write_all(format!("left out: {what}\n").as_bytes()).expect("standard error can be written");
}
