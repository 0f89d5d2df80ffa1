//! A server that answers as it is told, in this process: it stands for Amazon's services on a bad day.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
pub enum Answer {
    /// Status, further header lines, body.
    Say(u16, String, String),
    /// Nothing, and the connection stays open.
    Silence,
    /// The connection ends.
    Hang,
    /// The body ends in the middle, and the connection with it.
    Cut,
    /// The body comes a byte every half second.
    Drip,
    /// The body comes fast and does not end.
    Flood,
}

impl Answer {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Say(status, "Content-Type: application/x-amz-json-1.1\r\n".to_owned(), body.to_string())
    }

    /// An error of Amazon's, by its code.
    pub fn code(code: &str) -> Self {
        Self::json(400, &serde_json::json!({"__type": code, "message": "canary-message"}))
    }

    /// The secret `acme/production` with this content.
    pub fn secret(content: &str) -> Self {
        Self::json(
            200,
            &serde_json::json!({
                "ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/production-AbCdEf",
                "Name": "acme/production",
                "VersionId": "11111111-2222-3333-4444-555555555555",
                "SecretString": content,
                "VersionStages": ["AWSCURRENT"],
                "CreatedDate": 1_700_000_000.0,
            }),
        )
    }
}

/// Says what becomes of the request with this number (from 0) and this first line and target.
type Deed = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// A running server. It ends with the tests' process.
pub struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(deed: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(None, deed)
    }

    /// The same behind TLS.
    pub fn with_tls(certificate: &Certificate, deed: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(Some(certificate.server()), deed)
    }

    fn serve(
        tls: Option<Arc<rustls::ServerConfig>>,
        deed: impl Fn(usize, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (deed, noted): (Arc<Deed>, _) = (Arc::new(deed), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tls, deed, noted) = (tls.clone(), Arc::clone(&deed), Arc::clone(&noted));
                thread::spawn(move || match tls {
                    None => converse(stream, &deed, &noted),
                    Some(tls) => {
                        let session = rustls::ServerConnection::new(tls).unwrap();
                        converse(rustls::StreamOwned::new(session, stream), &deed, &noted);
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// First line and target of each request.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers requests until one ends the connection.
fn converse(stream: impl Read + Write, deed: &Arc<Deed>, seen: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = request(&mut stream) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        if answer(stream.get_mut(), deed(number, &request)).is_none() {
            return;
        }
    }
}

/// Reads a request: its first line, and the target that Amazon's protocol puts into a header.
fn request(stream: &mut impl BufRead) -> Option<String> {
    let (mut first, mut target, mut length) = (String::new(), String::new(), 0);
    if stream.read_line(&mut first).ok()? == 0 {
        return None;
    }
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => value.trim().clone_into(&mut target),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(format!("{} {target}", first.trim()))
}

/// None where the connection has to end.
fn answer(stream: &mut impl Write, answer: Answer) -> Option<()> {
    match answer {
        Answer::Say(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).ok()?;
            stream.flush().ok()
        }
        Answer::Silence => {
            thread::sleep(Duration::from_secs(60));
            None
        }
        Answer::Hang => None,
        Answer::Cut => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"SecretString\": \"").ok()?;
            stream.flush().ok()?;
            None
        }
        Answer::Flood => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").ok()?;
            let some = vec![b'a'; 1 << 16];
            loop {
                stream.write_all(&some).ok()?;
            }
        }
        Answer::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").ok()?;
            for _ in 0..60 {
                stream.write_all(b" ").ok()?;
                stream.flush().ok()?;
                thread::sleep(Duration::from_millis(500));
            }
            None
        }
    }
}

/// A proxy that leads every `CONNECT` to `port` on this machine.
pub fn proxy_to(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                request(&mut reader)?;
                let mut client = stream;
                let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
                let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::io::copy(&mut client, &mut server).ok()
            });
        }
    });
    own
}

/// A certificate for one name, from an authority of its own.
pub struct Certificate {
    /// The authority's certificate, as `SSL_CERT_FILE` takes it.
    pub authority: String,
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: KeyPair,
}

impl Certificate {
    pub fn of(name: &str) -> Self {
        Self::with(name, |_| ())
    }

    pub fn expired(name: &str) -> Self {
        Self::with(name, |parameters| {
            parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
        })
    }

    fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &authority).unwrap();
        Self { authority: authority.pem(), chain: vec![certificate.der().clone()], key }
    }

    fn server(&self) -> Arc<rustls::ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(versions.unwrap().with_no_client_auth().with_single_cert(self.chain.clone(), key).unwrap())
    }
}
