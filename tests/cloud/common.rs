//! Where the scenes take place: a repository whose environments lie on Amazon, and somebody who looks there with boto3.

use crate::support::forwarder::Forwarder;
use crate::support::moto::Moto;
use crate::support::{Lab, Person, Repo, Run};
use envsync::domain::dotenv::Document;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A service and a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    pub service: Service,
    pub layout: &'static str,
}

/// One of Amazon's two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Secrets,
    #[cfg(feature = "ssm")]
    Parameters,
}

impl Service {
    /// As the Python of these tests calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            #[cfg(feature = "ssm")]
            Self::Parameters => "parameters",
        }
    }

    /// The operation that puts a new value in the place of another.
    pub fn put(self) -> &'static str {
        match self {
            Self::Secrets => "PutSecretValue",
            #[cfg(feature = "ssm")]
            Self::Parameters => "PutParameter",
        }
    }
}

pub const SECRETS_JSON: Store = Store { service: Service::Secrets, layout: "json" };
pub const SECRETS_KEYS: Store = Store { service: Service::Secrets, layout: "keys" };
pub const SECRETS_DOTENV: Store = Store { service: Service::Secrets, layout: "dotenv" };
#[cfg(feature = "ssm")]
pub const PARAMETERS_JSON: Store = Store { service: Service::Parameters, layout: "json" };
#[cfg(feature = "ssm")]
pub const PARAMETERS_KEYS: Store = Store { service: Service::Parameters, layout: "keys" };
#[cfg(feature = "ssm")]
pub const PARAMETERS_DOTENV: Store = Store { service: Service::Parameters, layout: "dotenv" };

/// All of them, for claims whose scene is short.
pub const EVERY: &[Store] = &[
    SECRETS_JSON,
    SECRETS_KEYS,
    SECRETS_DOTENV,
    #[cfg(feature = "ssm")]
    PARAMETERS_JSON,
    #[cfg(feature = "ssm")]
    PARAMETERS_KEYS,
    #[cfg(feature = "ssm")]
    PARAMETERS_DOTENV,
];

/// A test per claim and store: each claim is a function of a [`Scene`].
macro_rules! in_stores {
    ([$($store:ident),* $(,)?] $claims:tt) => { $( in_stores!(@ $store $claims); )* };
    (@ $store:ident [$($claim:ident),* $(,)?]) => {
        in_stores!(@@ $store { $(
            #[test]
            fn $claim() {
                if let Some(scene) = crate::cloud::common::Scene::new(crate::cloud::common::$store) {
                    super::$claim(&scene);
                }
            }
        )* });
    };
    (@@ SECRETS_JSON { $($tests:tt)* }) => { mod secrets_json { $($tests)* } };
    (@@ SECRETS_KEYS { $($tests:tt)* }) => { mod secrets_keys { $($tests)* } };
    (@@ SECRETS_DOTENV { $($tests:tt)* }) => { mod secrets_dotenv { $($tests)* } };
    (@@ PARAMETERS_JSON { $($tests:tt)* }) => { #[cfg(feature = "ssm")] mod parameters_json { $($tests)* } };
    (@@ PARAMETERS_KEYS { $($tests:tt)* }) => { #[cfg(feature = "ssm")] mod parameters_keys { $($tests)* } };
    (@@ PARAMETERS_DOTENV { $($tests:tt)* }) => { #[cfg(feature = "ssm")] mod parameters_dotenv { $($tests)* } };
}
pub(super) use in_stores;

/// The time budget of hooks in the scenes: a busy machine must not decide.
const PATIENT: &str = "time_budget = \"25s\"\n";

/// A repository with `development` on `main` and `staging` on `top`, both in one store on Amazon, empty at first.
pub struct Scene {
    pub store: Store,
    pub repo: Repo,
    pub lab: Lab,
    pub moto: &'static Moto,
    /// What stands between the program and the server, where it does.
    pub forwarder: Option<Forwarder>,
    prefix: String,
}

impl Scene {
    /// None where neither moto nor an account is there, which is said.
    pub fn new(store: Store) -> Option<Self> {
        let moto = Moto::get("the stores on Amazon")?;
        Some(Self::with(store, moto, None, PATIENT))
    }

    /// With a forwarder in between; none where moto is not there.
    pub fn watched(store: Store) -> Option<Self> {
        Self::watched_with(store, PATIENT)
    }

    /// The same with these settings of the hooks.
    pub fn watched_with(store: Store, hooks: &str) -> Option<Self> {
        let moto = Moto::on_loopback("what is seen on the way to Amazon")?;
        Some(Self::with(store, moto, Some(Forwarder::to(moto.url())), hooks))
    }

    fn with(store: Store, moto: &'static Moto, forwarder: Option<Forwarder>, hooks: &str) -> Self {
        let prefix = moto.prefix();
        let lab = Lab::new();
        let variables = match &forwarder {
            None => moto.variables(),
            Some(forwarder) => moto.variables_at(Some(&forwarder.url())),
        };
        let person = lab.person("ada").with(variables);
        let config = format!(
            "{}{}[stores.cloud]\n{}\n[hooks]\n{hooks}",
            environment("staging", "top", &prefix, ""),
            environment("development", "main", &prefix, ""),
            store.settings(moto.region())
        );
        let repo = configured(&person, &config);
        repo.git(["branch", "top"]).ok();
        Self { store, repo, lab, moto, forwarder, prefix }
    }

    /// The forwarder of [`watched`](Self::watched).
    pub fn forwarder(&self) -> &Forwarder {
        self.forwarder.as_ref().expect("the scene is watched")
    }

    /// The location of an environment.
    pub fn location(&self, environment: &str) -> String {
        format!("{}/{environment}", self.prefix)
    }

    /// Gives up the server: who asks from now on is refused.
    pub fn stop_server(&mut self) {
        drop(self.forwarder.take().expect("the scene is watched"));
        // Its thread has to wake up first.
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Somebody writes these values with boto3, in the store's layout; others stay.
    pub fn write(&self, environment: &str, values: &[(&str, &str)]) {
        let values: BTreeMap<&str, &str> = values.iter().copied().collect();
        self.python(environment, &format!("write({})", python(&values)));
    }

    /// What boto3 finds, in the store's layout.
    pub fn read(&self, environment: &str) -> BTreeMap<String, String> {
        let found = self.python(environment, "result = read()");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match &found {
            Value::String(dotenv) => values(dotenv),
            Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
            _ => BTreeMap::new(),
        }
    }

    /// What boto3 finds for a key.
    pub fn read_key(&self, environment: &str, key: &str) -> Option<String> {
        self.read(environment).remove(key)
    }

    /// The text of the one payload of an environment, as it is.
    pub fn text(&self, environment: &str) -> Option<String> {
        self.python(environment, "result = get(location)").as_str().map(str::to_owned)
    }

    /// Somebody writes the one payload of an environment with boto3, as it is.
    pub fn write_text(&self, environment: &str, text: &str) {
        self.python(environment, &format!("put(location, {})", python(&text)));
    }

    /// Somebody removes these keys with boto3, for good.
    pub fn remove(&self, environment: &str, keys: &[&str]) {
        self.python(environment, &format!("drop({})", python(&keys)));
    }

    /// How many versions the payload of an environment has, or with the keys layout that of a key.
    pub fn versions(&self, environment: &str, key: &str) -> u64 {
        self.python(environment, &format!("result = versions({})", python(&key))).as_u64().expect("a number")
    }

    /// Runs Python with boto3, `location` being that of the environment; see `PRELUDE`.
    pub fn python(&self, environment: &str, code: &str) -> Value {
        run(self.moto, self.store, &self.location(environment), code)
    }

    /// Lets the snapshots become older than a `max_age` of 0: ages are whole seconds.
    pub fn age(&self) {
        std::thread::sleep(Duration::from_millis(1_100));
    }

    /// Both environments have been read into snapshots, `development` is in the file.
    pub fn fetched(self) -> Self {
        self.write("development", &[("NAME", "canary-development"), ("SHARED", "canary-same")]);
        self.write("staging", &[("NAME", "canary-staging"), ("SHARED", "canary-same")]);
        self.repo.envsync(["pull"]).ok();
        self.repo.switch("top");
        assert_eq!(self.repo.value("NAME").as_deref(), Some("canary-staging"));
        self.repo.switch("main");
        assert_eq!(self.repo.value("NAME").as_deref(), Some("canary-development"));
        self
    }

    /// A second work tree of the same person, which has pulled.
    pub fn work_tree(&self, name: &str) -> Repo {
        let path = self.lab.path().join(name);
        self.repo.git(["worktree", "add", "-q", "-b", name, path.to_str().unwrap(), "main"]).ok();
        let repo = Repo { person: self.repo.person.clone().with([("GIT_ENVSYNC_BRANCH", "main".to_owned())]), path };
        repo.envsync(["pull"]).ok();
        repo
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // moto forgets with the test process; an account has to be left as it was.
        if self.moto.is_real() {
            self.moto.remove(&self.prefix);
        }
    }
}

impl Store {
    /// The settings of `[stores.NAME]`.
    pub fn settings(self, region: &str) -> String {
        let kind = match self.service {
            Service::Secrets => "aws-secrets-manager",
            #[cfg(feature = "ssm")]
            Service::Parameters => "aws-parameter-store",
        };
        format!("kind = \"{kind}\"\nregion = \"{region}\"\nlayout = \"{}\"\n", self.layout)
    }
}

/// `[[environment]]` of the store `cloud`.
pub fn environment(name: &str, branch: &str, prefix: &str, more: &str) -> String {
    format!(
        "[[environment]]\nname = \"{name}\"\nbranches = [\"{branch}\"]\nstore = \"cloud\"\npath = \"{prefix}/{name}\"\n{more}\n"
    )
}

/// A repository with this config, accepted and installed; the env files are ignored, nothing is pushed yet.
pub fn configured(person: &Person, config: &str) -> Repo {
    let repo = person.init("repo");
    repo.write(".envsync.toml", format!("version = 1\n{config}"));
    repo.write(".gitignore", ".env\n.env.*\n");
    repo.envsync(["key", "generate"]).ok();
    repo.envsync(["trust", "--yes"]).ok();
    repo.envsync(["install"]).ok();
    repo.commit("config");
    repo
}

/// Runs Python with boto3 that knows the store and a location; see `PRELUDE`.
pub fn run(moto: &Moto, store: Store, location: &str, code: &str) -> Value {
    let (service, layout) = (store.service.word(), store.layout);
    moto.boto(&format!("service, layout, location = {service:?}, {layout:?}, {location:?}\n{PRELUDE}\n{code}"))
}

/// A value as Python text.
pub fn python(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).expect("it is JSON");
    format!("json.loads({})", json!(text))
}

/// The values of an env file's text.
pub fn values(text: &str) -> BTreeMap<String, String> {
    Document::parse(text.as_bytes()).values().iter().map(|(k, v)| (k.to_string(), v.expose().to_owned())).collect()
}

/// A command and how long it took.
pub fn timed(run: impl FnOnce() -> Run) -> (Run, Duration) {
    let start = Instant::now();
    let run = run();
    (run, start.elapsed())
}

/// Writing and reading environments with nothing but boto3.
const PRELUDE: &str = r#"
missing = sm.exceptions.ResourceNotFoundException

def put(name, text):
    if service == "parameters":
        ssm.put_parameter(Name="/" + name, Value=text, Type="SecureString", Overwrite=True)
        return
    try:
        sm.put_secret_value(SecretId=name, SecretString=text)
    except missing:
        sm.create_secret(Name=name, SecretString=text)

def get(name):
    try:
        if service == "parameters":
            return ssm.get_parameter(Name="/" + name, WithDecryption=True)["Parameter"]["Value"]
        return sm.get_secret_value(SecretId=name)["SecretString"]
    except (missing, ssm.exceptions.ParameterNotFound):
        return None

def children():
    if service == "parameters":
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/" + location, WithDecryption=True)
        return {p["Name"].split("/")[-1]: p["Value"] for page in pages for p in page["Parameters"]}
    pages = sm.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [location + "/"]}])
    names = [s["Name"] for page in pages for s in page["SecretList"]]
    return {name.split("/")[-1]: get(name) for name in names}

def write(values):
    if layout == "keys":
        for key, value in values.items():
            put(location + "/" + key, value)
    elif layout == "json":
        put(location, json.dumps({**json.loads(get(location) or "{}"), **values}))
    else:
        lines = [l for l in (get(location) or "").splitlines() if l.split("=")[0] not in values]
        put(location, "".join(l + "\n" for l in lines + [k + "=" + v for k, v in values.items()]))

def read():
    if layout == "keys":
        return children()
    text = get(location)
    return text if layout == "dotenv" or text is None else json.loads(text)

def delete(name):
    if service == "parameters":
        ssm.delete_parameter(Name="/" + name)
    else:
        sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

def drop(keys):
    if layout == "keys":
        for key in keys:
            delete(location + "/" + key)
    elif layout == "json":
        put(location, json.dumps({k: v for k, v in json.loads(get(location)).items() if k not in keys}))
    else:
        put(location, "".join(l + "\n" for l in get(location).splitlines() if l.split("=")[0] not in keys) or "\n")

def versions(key):
    name = location + "/" + key if layout == "keys" else location
    if service == "parameters":
        return len(ssm.get_parameter_history(Name="/" + name)["Parameters"])
    return len(sm.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"])
"#;
