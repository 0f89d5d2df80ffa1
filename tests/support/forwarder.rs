//! A forwarder between the program and a server of HTTP/1.1 on this machine: it counts and keeps requests, holds them,
//! lets something happen before them, loses them or their answers, and answers in the server's place.
//!
//! Requests are told apart by the operation in `X-Amz-Target` (`GetParameters`); those without one by method and path
//! (`POST /token`). Rules are tried in the order they were made; the first that fits decides.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// A forwarder, which ends when it is dropped.
pub struct Forwarder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    stopping: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    hold: Duration,
    rules: Vec<Rule>,
}

/// A request that arrived.
#[derive(Clone)]
pub struct Seen {
    /// `GetParameters`, or `POST /token`.
    pub target: String,
    /// Its body.
    pub body: String,
}

struct Rule {
    targets: Vec<String>,
    containing: Vec<String>,
    skip: usize,
    left: Option<usize>,
    action: Action,
}

enum Action {
    Before(Option<Box<dyn FnOnce() + Send>>),
    LoseAnswer,
    LoseRequest,
    CutAnswer,
    Answer(Vec<u8>),
}

/// What to do with the request at hand.
enum Deed {
    Forward,
    LoseAnswer,
    LoseRequest,
    CutAnswer,
    Answer(Vec<u8>),
}

/// A rule that is being made: for which requests, and how many of them.
pub struct When<'a> {
    forwarder: &'a Forwarder,
    rule: Rule,
}

impl Forwarder {
    /// A forwarder to `http://HOST:PORT`.
    pub fn to(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { upstream, stopping: AtomicBool::new(false), state: Mutex::default() });
        let service = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if service.stopping.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(connection), service) = (connection, Arc::clone(&service)) else { continue };
                // A connection that breaks is the client's business.
                thread::spawn(move || drop(service.serve(&connection)));
            }
        });
        Self { address, shared }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests of an operation arrived, those that were lost too.
    pub fn count(&self, target: &str) -> usize {
        self.shared.state().seen.iter().filter(|seen| seen.target == target).count()
    }

    /// How many requests of each operation arrived.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.shared.state().seen {
            *counts.entry(seen.target.clone()).or_default() += 1;
        }
        counts
    }

    /// The bodies of the requests of an operation.
    pub fn bodies(&self, target: &str) -> Vec<String> {
        let state = self.shared.state();
        state.seen.iter().filter(|seen| seen.target == target).map(|seen| seen.body.clone()).collect()
    }

    /// Forgets what arrived so far.
    pub fn forget(&self) {
        self.shared.state().seen.clear();
    }

    /// Holds every request for so long, each on its own.
    pub fn hold(&self, time: Duration) {
        self.shared.state().hold = time;
    }

    /// Forwards again as if no rule had ever been made.
    pub fn clear(&self) {
        self.shared.state().rules.clear();
    }

    /// Lets `then` happen before the request of `target` that follows the next `nth` ones.
    pub fn before(&self, target: &str, nth: usize, then: impl FnOnce() + Send + 'static) {
        self.on(&[target]).skip(nth).before(then);
    }

    /// Forwards the next request of `target` and drops its answer.
    pub fn lose_answer(&self, target: &str) {
        self.on(&[target]).times(1).lose_answer();
    }

    /// Drops the next request of `target`.
    pub fn lose_request(&self, target: &str) {
        self.on(&[target]).times(1).lose_request();
    }

    /// Answers every request of `target` in the server's place.
    pub fn answer(&self, target: &str, status: u16, body: &str, headers: &[(&str, &str)]) {
        self.on(&[target]).answer(status, body, headers);
    }

    /// A rule for requests of these operations; `*` is every one.
    pub fn on(&self, targets: &[&str]) -> When<'_> {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let rule = Rule { targets, containing: Vec::new(), skip: 0, left: None, action: Action::LoseRequest };
        When { forwarder: self, rule }
    }
}

impl When<'_> {
    /// Only requests whose body contains this text.
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.rule.containing.push(text.into());
        self
    }

    /// Not for the next `count` of them.
    pub fn skip(mut self, count: usize) -> Self {
        self.rule.skip = count;
        self
    }

    /// For so many of them; without this, for all.
    pub fn times(mut self, count: usize) -> Self {
        self.rule.left = Some(count);
        self
    }

    /// Lets `then` happen before one of them is forwarded.
    pub fn before(self, then: impl FnOnce() + Send + 'static) {
        self.times(1).make(Action::Before(Some(Box::new(then))));
    }

    /// Forwards, and drops the answer.
    pub fn lose_answer(self) {
        self.make(Action::LoseAnswer);
    }

    /// Drops the request.
    pub fn lose_request(self) {
        self.make(Action::LoseRequest);
    }

    /// Forwards, and passes half of the answer's body on.
    pub fn cut_answer(self) {
        self.make(Action::CutAnswer);
    }

    /// Answers in the server's place.
    pub fn answer(self, status: u16, body: &str, headers: &[(&str, &str)]) {
        self.make(Action::Answer(answer(status, body, headers)));
    }

    fn make(mut self, action: Action) {
        self.rule.action = action;
        self.forwarder.shared.state().rules.push(self.rule);
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Forwarder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests of one connection, until somebody closes it.
    fn serve(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut reader = BufReader::new(connection.try_clone()?);
        while let Some(request) = Message::read(&mut reader)? {
            let target = request.target();
            let seen = Seen { target, body: String::from_utf8_lossy(&request.body).into_owned() };
            let (deed, then, hold) = self.state().deed(seen);
            thread::sleep(hold);
            if let Some(then) = then {
                then();
            }
            let mut connection = connection;
            match deed {
                Deed::Forward => connection.write_all(&self.forward(&request)?.bytes(None))?,
                Deed::Answer(bytes) => connection.write_all(&bytes)?,
                Deed::LoseRequest => return connection.shutdown(Shutdown::Both),
                Deed::LoseAnswer => {
                    self.forward(&request)?;
                    return connection.shutdown(Shutdown::Both);
                }
                Deed::CutAnswer => {
                    let answer = self.forward(&request)?;
                    let whole = answer.bytes(None);
                    connection.write_all(&whole[..whole.len() - answer.body.len().div_ceil(2)])?;
                    return connection.shutdown(Shutdown::Both);
                }
            }
        }
        Ok(())
    }

    fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut server = TcpStream::connect(&self.upstream)?;
        server.write_all(&request.bytes(Some("close")))?;
        Message::read(&mut BufReader::new(server))?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

type Then = Option<Box<dyn FnOnce() + Send>>;

impl State {
    /// Keeps the request, and says what becomes of it.
    fn deed(&mut self, seen: Seen) -> (Deed, Then, Duration) {
        let fits = self.rules.iter_mut().position(|rule| rule.takes(&seen));
        let (deed, then) = match fits.map(|at| &mut self.rules[at].action) {
            None => (Deed::Forward, None),
            Some(Action::Before(then)) => (Deed::Forward, then.take()),
            Some(Action::LoseAnswer) => (Deed::LoseAnswer, None),
            Some(Action::LoseRequest) => (Deed::LoseRequest, None),
            Some(Action::CutAnswer) => (Deed::CutAnswer, None),
            Some(Action::Answer(bytes)) => (Deed::Answer(bytes.clone()), None),
        };
        self.seen.push(seen);
        (deed, then, self.hold)
    }
}

impl Rule {
    /// Whether it is for this request; counts those it is for.
    fn takes(&mut self, seen: &Seen) -> bool {
        let is_meant = self.targets.iter().any(|target| target == "*" || *target == seen.target)
            && self.containing.iter().all(|text| seen.body.contains(text))
            && self.left != Some(0);
        if !is_meant {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}

/// A request or an answer.
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    /// Reads one; none where the connection ended before it.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut message = Self { first: first.trim_end().to_owned(), headers: Vec::new(), body: Vec::new() };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            message.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        match message.header("content-length").map(str::parse) {
            Some(Ok(length)) => {
                message.body = vec![0; length];
                reader.read_exact(&mut message.body)?;
            }
            // An answer without a length lasts until the end of its connection; a request without one has no body.
            _ if message.first.starts_with("HTTP/") => drop(reader.read_to_end(&mut message.body)?),
            _ => {}
        }
        Ok(Some(message))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn target(&self) -> String {
        match self.header("x-amz-target").and_then(|target| target.rsplit('.').next()) {
            Some(operation) => operation.to_owned(),
            None => self.first.split(' ').take(2).collect::<Vec<_>>().join(" "),
        }
    }

    /// As it travels on, with a length and with what becomes of the connection.
    fn bytes(&self, connection: Option<&str>) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        if let Some(connection) = connection {
            text += &format!("connection: {connection}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n", self.body.len());
        [text.as_bytes(), &self.body].concat()
    }
}

fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} answered for the server\r\ncontent-type: application/x-amz-json-1.1\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}
