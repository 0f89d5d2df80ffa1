//! What Google's Secret Manager does, as far as its reference says: the rules of a server of OUR OWN.
//!
//! Not Google's code and not an emulator of theirs: written from the reference, each rule with the page it comes from,
//! and judged by Google's own Python client (`python`). What no page decides stands here too:
//! an empty value is refused (the reference gives only an upper limit; refusing asks more of a client).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// <https://docs.cloud.google.com/secret-manager/quotas>: "Payload size 64 KiB".
const MOST_BYTES: usize = 65_536;

/// <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/list>: "If the number is greater
/// than 25000, it will be capped at 25000."
const MOST_PER_PAGE: usize = 25_000;

/// The project: its ID and its number. Requests take both, answers have the number:
/// <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets>, `name`.
pub(super) const PROJECT: &str = "acme-test";
pub(super) const NUMBER: &str = "123456789012";

/// A request, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
}

/// An answer that says no: its HTTP status, its code, its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    Invalid(&'static str),
    NotFound(&'static str),
    Exists,
    Precondition(&'static str),
}

/// What is asked of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) operation: &'static str,
    /// `projects/NUMBER`, or `projects/NUMBER/locations/L`.
    parent: String,
    pub(super) secret: String,
    version: String,
}

/// All the secrets.
#[derive(Debug, Default)]
pub(super) struct Service {
    secrets: BTreeMap<(String, String), Secret>,
    ticks: u64,
    /// The most entries of a page; 0 for the reference's.
    pub(super) page: usize,
}

#[derive(Debug)]
struct Secret {
    created: String,
    etag: String,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    versions: Vec<Version>,
}

#[derive(Debug, Clone)]
struct Version {
    state: State,
    created: String,
    etag: String,
    data: Vec<u8>,
    specified_checksum: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Enabled,
    Disabled,
    Destroyed,
}

impl Call {
    /// What a request asks; none where the reference has no such method.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = request.path.strip_prefix("/v1/")?;
        let (path, verb) = path.rsplit_once(':').unwrap_or((path, ""));
        let parts: Vec<&str> = path.split('/').collect();
        let (parent, rest) = match parts[..] {
            ["projects", project, "locations", location, ref rest @ ..] => {
                (format!("projects/{}/locations/{location}", number(project)), rest)
            }
            ["projects", project, ref rest @ ..] => (format!("projects/{}", number(project)), rest),
            _ => return None,
        };
        let (secret, version, operation) = match (request.method.as_str(), rest, verb) {
            ("GET", ["secrets"], "") => ("", "", "ListSecrets"),
            ("POST", ["secrets"], "") => (request.query.get("secretId").map_or("", String::as_str), "", "CreateSecret"),
            ("GET", ["secrets", secret], "") => (*secret, "", "GetSecret"),
            ("PATCH", ["secrets", secret], "") => (*secret, "", "UpdateSecret"),
            ("DELETE", ["secrets", secret], "") => (*secret, "", "DeleteSecret"),
            ("POST", ["secrets", secret], "addVersion") => (*secret, "", "AddSecretVersion"),
            ("GET", ["secrets", secret, "versions"], "") => (*secret, "", "ListSecretVersions"),
            ("GET", ["secrets", secret, "versions", version], "") => (*secret, *version, "GetSecretVersion"),
            ("GET", ["secrets", secret, "versions", version], "access") => (*secret, *version, "AccessSecretVersion"),
            ("POST", ["secrets", secret, "versions", version], "enable") => (*secret, *version, "EnableSecretVersion"),
            ("POST", ["secrets", secret, "versions", version], "disable") => {
                (*secret, *version, "DisableSecretVersion")
            }
            ("POST", ["secrets", secret, "versions", version], "destroy") => {
                (*secret, *version, "DestroySecretVersion")
            }
            _ => return None,
        };
        Some(Self { operation, parent, secret: secret.to_owned(), version: version.to_owned() })
    }
}

fn number(project: &str) -> &str {
    if project == PROJECT { NUMBER } else { project }
}

impl Service {
    /// Does what is asked.
    pub(super) fn answer(&mut self, call: &Call, request: &Request) -> Result<Value, No> {
        let key = (call.parent.clone(), call.secret.clone());
        let name = format!("{}/secrets/{}", call.parent, call.secret);
        // The system parameter $alt: <https://docs.cloud.google.com/apis/docs/system-parameters>.
        let enums = request.query.get("$alt").is_some_and(|alt| alt.contains("enum-encoding=int"));
        match call.operation {
            "ListSecrets" => return self.list(&call.parent, &request.query),
            "CreateSecret" => return self.create(key, request, &name),
            _ => {}
        }
        let etag = self.tick_etag();
        let created = self.time();
        let page = self.page;
        let secret = self.secrets.get_mut(&key).ok_or(No::NotFound("Secret not found or has no versions."))?;
        match call.operation {
            "GetSecret" => Ok(secret.shown(&name)),
            "UpdateSecret" => {
                // The etag is embedded in the data: <https://docs.cloud.google.com/secret-manager/docs/etags>.
                check_etag(request.body["etag"].as_str(), &secret.etag)?;
                let mask = request.query.get("updateMask").map(String::as_str).filter(|mask| !mask.is_empty());
                for field in mask.ok_or(No::Invalid("update_mask is required"))?.split(',') {
                    let entries = || request.body[field].as_object().cloned().unwrap_or_default();
                    match field {
                        "labels" => secret.labels = checked_labels(entries())?,
                        "annotations" => secret.annotations = entries(),
                        _ => return Err(No::Invalid("update_mask names a field that cannot be changed")),
                    }
                }
                secret.etag = etag;
                Ok(secret.shown(&name))
            }
            "DeleteSecret" => {
                // "The request succeeds if it matches the etag of the currently stored secret object. If the etag is
                // omitted, the request succeeds": .../rest/v1/projects.secrets/delete
                check_etag(request.query.get("etag").map(String::as_str), &secret.etag)?;
                self.secrets.remove(&key);
                Ok(json!({}))
            }
            "AddSecretVersion" => {
                let version = added(&request.body["payload"], created, etag)?;
                secret.versions.push(version);
                let number = secret.versions.len();
                Ok(secret.versions[number - 1].shown(&name, number, enums))
            }
            "ListSecretVersions" => {
                // "sorted in reverse by create_time (newest first)": .../rest/v1/projects.secrets.versions/list
                let all = secret.versions.iter().enumerate().rev();
                let all: Vec<Value> = all.map(|(at, version)| version.shown(&name, at + 1, enums)).collect();
                paged("versions", &all, &request.query, page)
            }
            _ => {
                let at = secret.at(&call.version)?;
                let version = &mut secret.versions[at];
                let etag_sent = request.body["etag"].as_str();
                match call.operation {
                    "GetSecretVersion" => {}
                    "AccessSecretVersion" => {
                        // https://docs.cloud.google.com/secret-manager/docs/access-secret-version: only an enabled version
                        // can be accessed; the code is that of
                        // https://github.com/google-github-actions/get-secretmanager-secrets/issues/268
                        if version.state != State::Enabled {
                            return Err(No::Precondition("Secret Version is not in ENABLED state."));
                        }
                        let sum = i64::from(crc32c::crc32c(&version.data)).to_string();
                        let payload = json!({ "data": STANDARD.encode(&version.data), "dataCrc32c": sum });
                        return Ok(json!({ "name": format!("{name}/versions/{}", at + 1), "payload": payload }));
                    }
                    change => {
                        check_etag(etag_sent, &version.etag)?;
                        // "DESTROYED ... A version may not leave this state once entered.":
                        // .../rest/v1/projects.secrets.versions#State
                        if version.state == State::Destroyed {
                            return Err(No::Precondition("Secret Version is in DESTROYED state."));
                        }
                        version.set(match change {
                            "EnableSecretVersion" => State::Enabled,
                            "DisableSecretVersion" => State::Disabled,
                            _ => State::Destroyed,
                        });
                        version.etag = etag;
                    }
                }
                Ok(version.shown(&name, at + 1, enums))
            }
        }
    }

    fn create(&mut self, key: (String, String), request: &Request, name: &str) -> Result<Value, No> {
        let id = &key.1;
        // "A secret ID is a string with a maximum length of 255 characters and can contain uppercase and lowercase
        // letters, numerals, and the hyphen (-) and underscore (_) characters.": .../rest/v1/projects.secrets/create
        let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if id.is_empty() || id.len() > 255 || !id.chars().all(legal) {
            return Err(No::Invalid("The provided Secret ID does not match the expected format"));
        }
        // A secret of one region has no replication to choose, another one must:
        // https://docs.cloud.google.com/secret-manager/regional-secrets/create-regional-secret
        let regional = key.0.contains("/locations/");
        let automatic = request.body["replication"]["automatic"].is_object();
        if regional == automatic {
            return Err(No::Invalid("replication does not fit the parent"));
        }
        let labels = checked_labels(request.body["labels"].as_object().cloned().unwrap_or_default())?;
        let annotations = request.body["annotations"].as_object().cloned().unwrap_or_default();
        if self.secrets.contains_key(&key) {
            return Err(No::Exists);
        }
        let (created, etag) = (self.time(), self.tick_etag());
        let secret = Secret { created, etag, labels, annotations, versions: Vec::new() };
        let shown = secret.shown(name);
        self.secrets.insert(key, secret);
        Ok(shown)
    }

    fn list(&self, parent: &str, query: &BTreeMap<String, String>) -> Result<Value, No> {
        // https://docs.cloud.google.com/secret-manager/docs/filtering: `name:asecret` is a part of the name. The rest of
        // that language is not spoken here.
        let filter = query.get("filter").map(String::as_str).unwrap_or_default();
        let part = match filter {
            "" => "",
            filter => filter.strip_prefix("name:").ok_or(No::Invalid("a filter this server does not know"))?,
        };
        let of_parent = self.secrets.iter().filter(|((of, id), _)| of == parent && id.contains(part));
        let mut found: Vec<(&String, Value)> = of_parent
            .map(|((_, id), secret)| (&secret.created, secret.shown(&format!("{parent}/secrets/{id}"))))
            .collect();
        // "sorted in reverse by create_time (newest first)": .../rest/v1/projects.secrets/list
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        let found: Vec<Value> = found.into_iter().map(|(_, shown)| shown).collect();
        paged("secrets", &found, query, self.page)
    }

    fn time(&mut self) -> String {
        self.ticks += 1;
        let (seconds, micros) = (self.ticks / 1_000, self.ticks % 1_000);
        let (minutes, hours) = (seconds / 60, seconds / 3_600);
        format!("2026-01-01T{:02}:{:02}:{:02}.000{micros:03}Z", hours % 24, minutes % 60, seconds % 60)
    }

    /// "The ETag must include the surrounding quotation marks": https://docs.cloud.google.com/secret-manager/docs/etags
    fn tick_etag(&mut self) -> String {
        self.ticks += 1;
        format!("\"{:x}\"", self.ticks * 7_919)
    }

    // Around the program, without a request:

    /// Lets a second pass.
    pub(super) fn pass_time(&mut self) {
        self.ticks += 1_000;
    }

    /// The value of the newest version.
    pub(super) fn raw(&self, parent: &str, id: &str) -> Option<Vec<u8>> {
        let last = self.secrets.get(&(parent.to_owned(), id.to_owned()))?.versions.last()?;
        (last.state == State::Enabled).then(|| last.data.clone())
    }

    /// Adds a version as another program would.
    pub(super) fn raw_put(&mut self, parent: &str, id: &str, value: &[u8]) {
        let (created, etag) = (self.time(), self.tick_etag());
        let version = Version {
            state: State::Enabled,
            created: created.clone(),
            etag: etag.clone(),
            data: value.to_vec(),
            specified_checksum: false,
        };
        let (labels, annotations) = (Map::new(), Map::new());
        let key = (parent.to_owned(), id.to_owned());
        let fresh = || Secret { created, etag, labels, annotations, versions: Vec::new() };
        self.secrets.entry(key).or_insert_with(fresh).versions.push(version);
    }

    /// A secret without versions, as a setup leaves it.
    pub(super) fn raw_shell(&mut self, parent: &str, id: &str) {
        self.raw_put(parent, id, b"");
        let secret = self.secrets.get_mut(&(parent.to_owned(), id.to_owned()));
        secret.expect("just made").versions.clear();
    }

    pub(super) fn raw_delete(&mut self, parent: &str, id: &str) {
        self.secrets.remove(&(parent.to_owned(), id.to_owned()));
    }

    /// Changes the metadata of a secret, and so its etag.
    pub(super) fn raw_relabel(&mut self, parent: &str, id: &str) {
        let etag = self.tick_etag();
        let secret = self.secrets.get_mut(&(parent.to_owned(), id.to_owned())).expect("there is such a secret");
        secret.labels.insert("team".to_owned(), "acme".into());
        secret.etag = etag;
    }

    /// Brings the newest version into a state.
    pub(super) fn raw_state(&mut self, parent: &str, id: &str, state: State) {
        let secret = self.secrets.get_mut(&(parent.to_owned(), id.to_owned())).expect("there is such a secret");
        secret.versions.last_mut().expect("it has a version").set(state);
    }

    /// How many versions a secret has.
    pub(super) fn versions(&self, parent: &str, id: &str) -> usize {
        self.secrets.get(&(parent.to_owned(), id.to_owned())).map_or(0, |secret| secret.versions.len())
    }

    /// The labels of a secret, as they were set.
    pub(super) fn labels(&self, parent: &str, id: &str) -> Value {
        self.secrets[&(parent.to_owned(), id.to_owned())].labels.clone().into()
    }

    /// Whether the newest version came with a checksum that was verified.
    pub(super) fn was_verified(&self, parent: &str, id: &str) -> bool {
        let secret = &self.secrets[&(parent.to_owned(), id.to_owned())];
        secret.versions.last().is_some_and(|version| version.specified_checksum)
    }
}

impl Secret {
    fn shown(&self, name: &str) -> Value {
        let mut shown = json!({ "name": name, "createTime": self.created, "etag": self.etag });
        if !name.contains("/locations/") {
            shown["replication"] = json!({ "automatic": {} });
        }
        // Empty maps are left out, as in all of Google's JSON.
        for (field, entries) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !entries.is_empty() {
                shown[field] = entries.clone().into();
            }
        }
        shown
    }

    /// "`latest` is an alias to the most recently created SecretVersion", in whatever state:
    /// .../rest/v1/projects.secrets.versions/access
    fn at(&self, version: &str) -> Result<usize, No> {
        let number = match version {
            "latest" => self.versions.len(),
            number => number.parse().map_err(|_| No::Invalid("a version is a number or an alias"))?,
        };
        let at = number.checked_sub(1).filter(|at| *at < self.versions.len());
        at.ok_or(No::NotFound("Secret Version not found."))
    }
}

impl Version {
    /// "DESTROYED: the secret data ... is no longer stored": .../rest/v1/projects.secrets.versions#State
    fn set(&mut self, state: State) {
        self.state = state;
        if state == State::Destroyed {
            self.data.clear();
        }
    }

    fn shown(&self, secret: &str, number: usize, enums: bool) -> Value {
        let (text, code) = match self.state {
            State::Enabled => ("ENABLED", 1),
            State::Disabled => ("DISABLED", 2),
            State::Destroyed => ("DESTROYED", 3),
        };
        let mut shown = json!({
            "name": format!("{secret}/versions/{number}"), "createTime": self.created, "etag": self.etag,
            "state": if enums { json!(code) } else { json!(text) },
        });
        // "True if payload checksum specified in SecretPayload has been received": .../projects.secrets.versions
        if self.specified_checksum {
            shown["clientSpecifiedPayloadChecksum"] = json!(true);
        }
        shown
    }
}

/// A version of what was sent. "If specified, SecretManagerService will verify the integrity of the received data":
/// <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/SecretPayload>.
fn added(payload: &Value, created: String, etag: String) -> Result<Version, No> {
    let data = payload["data"].as_str().unwrap_or_default();
    // Both alphabets: https://protobuf.dev/programming-guides/json/, `bytes`.
    let data = STANDARD
        .decode(data.replace('-', "+").replace('_', "/"))
        .map_err(|_| No::Invalid("payload.data is not base64"))?;
    if data.is_empty() {
        return Err(No::Invalid("Secret Payload cannot be empty."));
    }
    if data.len() > MOST_BYTES {
        return Err(No::Invalid("The provided payload exceeds the maximum of 65536 bytes."));
    }
    // int64 is a string in JSON, and a number is taken: the same page.
    let checksum = match &payload["dataCrc32c"] {
        Value::Null => None,
        Value::String(text) => Some(text.parse::<i64>().map_err(|_| No::Invalid("payload.dataCrc32c is no number"))?),
        number => Some(number.as_i64().ok_or(No::Invalid("payload.dataCrc32c is no number"))?),
    };
    if checksum.is_some_and(|sum| sum != i64::from(crc32c::crc32c(&data))) {
        return Err(No::Invalid("The provided checksum does not match the payload."));
    }
    Ok(Version { state: State::Enabled, created, etag, data, specified_checksum: checksum.is_some() })
}

/// "it fails with a FAILED_PRECONDITION error and an HTTP status code 400": <https://docs.cloud.google.com/secret-manager/docs/etags>.
fn check_etag(sent: Option<&str>, stored: &str) -> Result<(), No> {
    // Empty is absent: clients send empty parameters.
    match sent.filter(|sent| !sent.is_empty()) {
        Some(sent) if sent != stored => Err(No::Precondition("The etag does not match.")),
        _ => Ok(()),
    }
}

/// "Label keys must be between 1 and 63 characters long ... `[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}`. No more than 64
/// labels": <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets>.
fn checked_labels(labels: Map<String, Value>) -> Result<Map<String, Value>, No> {
    let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
    let wrong = labels.iter().any(|(key, value)| {
        let value = value.as_str().unwrap_or("?");
        !key.starts_with(|first: char| first.is_ascii_lowercase())
            || key.len() > 63
            || value.len() > 63
            || !key.chars().chain(value.chars()).all(legal)
    });
    if wrong || labels.len() > 64 { Err(No::Invalid("a label does not have the expected form")) } else { Ok(labels) }
}

/// One page. A token is of one list only; pages may be smaller than asked for: <https://google.aip.dev/158>.
fn paged(field: &str, all: &[Value], query: &BTreeMap<String, String>, most: usize) -> Result<Value, No> {
    let asked: i64 = query.get("pageSize").and_then(|size| size.parse().ok()).unwrap_or(0);
    let asked = usize::try_from(asked).map_err(|_| No::Invalid("page_size is negative"))?;
    let most = if most == 0 { MOST_PER_PAGE } else { most };
    let size = if asked == 0 { most } else { asked.min(most) };
    let start = match query.get("pageToken").map(String::as_str).unwrap_or_default() {
        "" => 0,
        token => {
            let at = token.strip_prefix("after-").and_then(|at| at.parse().ok());
            at.filter(|at| *at < all.len()).ok_or(No::Invalid("page_token is not one of this list"))?
        }
    };
    let end = all.len().min(start + size);
    let mut page = json!({ "totalSize": all.len() });
    if start < end {
        page[field] = all[start..end].to_vec().into();
    }
    if end < all.len() {
        page["nextPageToken"] = format!("after-{end}").into();
    }
    Ok(page)
}

impl No {
    /// Status and body: <https://docs.cloud.google.com/apis/design/errors#http_mapping>.
    pub(super) fn shown(self) -> (u16, String) {
        let (status, code, message) = match self {
            Self::Invalid(message) => (400, "INVALID_ARGUMENT", message),
            Self::NotFound(message) => (404, "NOT_FOUND", message),
            Self::Exists => (409, "ALREADY_EXISTS", "Secret already exists."),
            Self::Precondition(message) => (400, "FAILED_PRECONDITION", message),
        };
        (status, error(status, code, message))
    }
}

/// The body of an answer that says no.
pub(super) fn error(status: u16, code: &str, message: &str) -> String {
    json!({ "error": { "code": status, "message": message, "status": code } }).to_string()
}
