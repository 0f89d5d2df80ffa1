//! The server of OUR OWN in the place of Google's: HTTP/1.1 on loopback, and what may go wrong on the way.
//!
//! What is answered is the business of [`super::service`].

use super::service::{Call, Request, Service, error};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) operation: &'static str,
    pub(super) secret: String,
    pub(super) query: BTreeMap<String, String>,
}

/// What goes wrong.
pub(super) enum Deed {
    /// Something else is answered: status, headers, body.
    Answer(u16, &'static str, String),
    /// It is done, and the connection is cut instead of an answer.
    LoseAnswer,
    /// It is not done, and the connection is cut.
    LoseRequest,
    /// It is done, and the answer ends in the middle.
    CutAnswer,
    /// Something happens first.
    Before(Box<dyn FnMut(&mut Service) + Send>),
    /// It takes a while.
    After(Duration),
    /// What is answered has other bytes than the checksum was made of.
    Flip,
}

struct Rule {
    operations: Vec<&'static str>,
    secret: Option<String>,
    times: usize,
    deed: Deed,
}

struct Shared {
    service: Mutex<Service>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    /// The token that is asked for; none for a service that asks for none.
    token: Option<String>,
    running: Mutex<(usize, usize)>,
    stop: AtomicBool,
}

/// A server that ends when it is dropped.
pub(super) struct Server {
    shared: Arc<Shared>,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::asking_for(None)
    }

    pub(super) fn asking_for(token: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            service: Mutex::default(),
            rules: Mutex::default(),
            seen: Mutex::default(),
            token: token.map(str::to_owned),
            running: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(connection), serving) = (connection, Arc::clone(&serving)) else { continue };
                thread::spawn(move || drop(serve(&connection, &serving)));
            }
        });
        Self { shared, port }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The service, around the program.
    pub(super) fn service(&self) -> MutexGuard<'_, Service> {
        self.shared.service.lock().unwrap()
    }

    /// Does something wrong with each of these operations, of one secret or of all.
    pub(super) fn whenever(&self, operations: &[&'static str], secret: Option<&str>, deed: Deed) {
        self.times(usize::MAX, operations, secret, deed);
    }

    /// Does something wrong some times.
    pub(super) fn times(&self, times: usize, operations: &[&'static str], secret: Option<&str>, deed: Deed) {
        let rule = Rule { operations: operations.to_vec(), secret: secret.map(str::to_owned), times, deed };
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// Does nothing wrong any more.
    pub(super) fn behave(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// How often an operation was asked for.
    pub(super) fn count(&self, operation: &str) -> usize {
        self.shared.seen.lock().unwrap().iter().filter(|seen| seen.operation == operation).count()
    }

    /// All requests since the last look.
    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }

    /// The most requests that were under way at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.shared.running.lock().unwrap().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    while let Some((request, token)) = read(&mut reader)? {
        {
            let mut running = shared.running.lock().unwrap();
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        let goes_on = respond(connection, shared, &request, token.as_deref());
        shared.running.lock().unwrap().0 -= 1;
        if !goes_on? || shared.stop.load(Ordering::SeqCst) {
            connection.shutdown(Shutdown::Both)?;
            return Ok(());
        }
    }
    Ok(())
}

/// Answers one request; whether the connection goes on.
fn respond(connection: &TcpStream, shared: &Shared, request: &Request, token: Option<&str>) -> io::Result<bool> {
    if let Some(answer) = others(shared, request) {
        write(connection, answer.0, "Metadata-Flavor: Google\r\n", &answer.1)?;
        return Ok(true);
    }
    let Some(call) = Call::of(request) else {
        write(connection, 404, "", "<html>Not Found</html>")?;
        return Ok(true);
    };
    // https://docs.cloud.google.com/apis/design/errors#handling_errors: 401 UNAUTHENTICATED. A token that signs for itself
    // (https://google.aip.dev/auth/4111) is not verified here, only that it is one.
    let signed = token.is_some_and(|token| token.split('.').count() == 3);
    if shared.token.is_some() && shared.token.as_deref() != token && !signed {
        write(connection, 401, "", &error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))?;
        return Ok(true);
    }
    let seen = Seen { operation: call.operation, secret: call.secret.clone(), query: request.query.clone() };
    shared.seen.lock().unwrap().push(seen);
    let rules = wrongs(shared, &call);
    let mut lost = false;
    let (mut cut, mut flip) = (false, false);
    for deed in rules {
        match deed {
            Wrong::Answer(status, headers, body) => {
                write(connection, status, headers, &body)?;
                return Ok(true);
            }
            Wrong::LoseRequest => return Ok(false),
            Wrong::LoseAnswer => lost = true,
            Wrong::Cut => cut = true,
            Wrong::Flip => flip = true,
            Wrong::After(while_) => thread::sleep(while_),
        }
    }
    let answer = shared.service.lock().unwrap().answer(&call, request);
    if lost {
        return Ok(false);
    }
    let (status, mut body) = match answer {
        Ok(value) => (200, value.to_string()),
        Err(no) => no.shown(),
    };
    if flip {
        body = body.replace("\"data\":\"", "\"data\":\"AAAA");
    }
    if cut {
        let mut connection = connection;
        write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )?;
        connection.write_all(&body.as_bytes()[..body.len() / 2])?;
        return Ok(false);
    }
    write(connection, status, "", &body)?;
    Ok(true)
}

/// Who hands tokens out: <https://developers.google.com/identity/protocols/oauth2/web-server#offline>, and the metadata
/// server of a machine in Google Cloud: <https://docs.cloud.google.com/compute/docs/metadata/predefined-metadata-keys>.
fn others(shared: &Shared, request: &Request) -> Option<(u16, String)> {
    let token = shared.token.clone().unwrap_or_default();
    let granted = serde_json::json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" }).to_string();
    match request.path.as_str() {
        "/token" if request.body["refresh_token"] == "canary-refresh" => Some((200, granted)),
        "/token" => Some((
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#.to_owned(),
        )),
        "/" => Some((200, "computeMetadata/".to_owned())),
        "/computeMetadata/v1/universe/universe-domain" => Some((200, "googleapis.com".to_owned())),
        path if path.starts_with("/computeMetadata/") && path.ends_with("/token") => Some((200, granted)),
        _ => None,
    }
}

/// A deed as it is done once.
enum Wrong {
    Answer(u16, &'static str, String),
    LoseAnswer,
    LoseRequest,
    Cut,
    Flip,
    After(Duration),
}

fn wrongs(shared: &Shared, call: &Call) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let mut rules = shared.rules.lock().unwrap();
    for rule in rules.iter_mut() {
        let meant = rule.operations.contains(&call.operation)
            && rule.secret.as_ref().is_none_or(|secret| *secret == call.secret);
        if !meant || rule.times == 0 {
            continue;
        }
        rule.times -= 1;
        wrongs.push(match &mut rule.deed {
            Deed::Answer(status, headers, body) => Wrong::Answer(*status, headers, body.clone()),
            Deed::LoseAnswer => Wrong::LoseAnswer,
            Deed::LoseRequest => Wrong::LoseRequest,
            Deed::CutAnswer => Wrong::Cut,
            Deed::Flip => Wrong::Flip,
            Deed::After(while_) => Wrong::After(*while_),
            Deed::Before(happens) => {
                happens(&mut shared.service.lock().unwrap());
                continue;
            }
        });
    }
    wrongs
}

/// Reads a request and its bearer token; none where the connection ends.
fn read(reader: &mut impl BufRead) -> io::Result<Option<(Request, Option<String>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let request = Request {
        method: method.to_owned(),
        path: decoded(path),
        query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    Ok(Some((request, token)))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        rest = match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap());
                &after[2..]
            }
            (b'+', ..) => {
                bytes.push(b' ');
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn write(mut connection: &TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json; charset=UTF-8\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(answer.as_bytes())
}
