//! The requests: what is asked of Secret Manager, and how many requests side by side.
//!
//! Knows secrets and their versions as the service has them; nothing of environments or layouts. Google's client does
//! not retry here: that is done once for all vendors, above.

use super::GcpSettings;
use super::credentials::{self, Identity, NobodyIsSignedIn};
use super::error::{Doing, Errors};
use crate::domain::snapshot::PayloadName;
use crate::ports::{Level, RequestLog, RequestSeen, StoreError, concurrently};
use crate::stores::net::Net;
use crate::stores::payload::Labels;
use google_cloud_gax::Result as Answer;
use google_cloud_gax::client_builder::Error as ClientError;
use google_cloud_gax::error::Error;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use google_cloud_secretmanager_v1::model::replication::Automatic;
use google_cloud_secretmanager_v1::model::{
    AccessSecretVersionResponse, Replication, Secret, SecretPayload, SecretVersion,
};
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many requests are under way at once.
const SIDE_BY_SIDE: usize = 32;

/// The most entries that a page of a list has:
/// <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/list>, `pageSize`.
const PAGE: i32 = 25_000;

/// How long one request may take. Without a limit one that is never answered would use up the whole time budget.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The newest version, in whatever state it is.
pub(super) const LATEST: &str = "latest";

/// One thing to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// A secret's metadata.
    Secret(PayloadName),
    /// The metadata of a version.
    Version(PayloadName, String),
    /// The value of a version.
    Access(PayloadName, String),
}

impl Question {
    /// The secret it is about.
    pub(super) fn name(&self) -> &PayloadName {
        match self {
            Self::Secret(name) | Self::Version(name, _) | Self::Access(name, _) => name,
        }
    }
}

/// What was answered to one question.
pub(super) enum Told {
    Secret(Answer<Box<Secret>>),
    Version(Answer<Box<SecretVersion>>),
    Access(Answer<AccessSecretVersionResponse>),
}

/// A client of Secret Manager. Nothing is looked up before the first request.
pub(super) struct Client {
    settings: GcpSettings,
    net: Net,
    connection: OnceCell<Connection>,
}

#[derive(Clone)]
struct Connection {
    service: SecretManagerService,
    /// `projects/P`, or `projects/P/locations/L` for secrets of one region.
    parent: String,
    /// What the sign-in is called in errors.
    source: String,
    watch: Watch,
}

/// Tells of requests.
#[derive(Clone)]
struct Watch {
    host: String,
    log: Arc<dyn RequestLog>,
}

enum Unconnected {
    SignedOut(NobodyIsSignedIn),
    Unbuilt(ClientError),
}

impl Client {
    pub(super) fn new(settings: GcpSettings, net: Net) -> Self {
        Self { settings, net, connection: OnceCell::new() }
    }

    pub(super) fn settings(&self) -> &GcpSettings {
        &self.settings
    }

    pub(super) fn errors(&self, doing: Doing) -> Errors<'_> {
        let source = self.connection.get().map(|connection| connection.source.as_str());
        Errors::new(&self.settings, doing).by(source)
    }

    /// The secrets whose names have `part` in them, all pages.
    pub(super) async fn list(&self, part: &str) -> Result<Vec<Secret>, StoreError> {
        let connection = self.connection().await?;
        // https://docs.cloud.google.com/secret-manager/docs/filtering: a part of a name.
        let filter = if part.is_empty() { String::new() } else { format!("name:{part}") };
        let pages = async move {
            let mut found = Vec::new();
            let mut next = String::new();
            loop {
                let page = connection.service.list_secrets().set_parent(&connection.parent).set_filter(&filter);
                let page = page.set_page_size(PAGE).set_page_token(next);
                let mut page = connection.watch.hear("ListSecrets", page.send()).await?;
                found.append(&mut page.secrets);
                next = page.next_page_token;
                if next.is_empty() {
                    return Ok(found);
                }
            }
        };
        self.answer(self.errors(Doing::Read), pages).await
    }

    /// The versions of a secret, newest first.
    pub(super) async fn versions(&self, name: &PayloadName) -> Result<Answer<Vec<SecretVersion>>, StoreError> {
        let connection = self.connection().await?;
        let secret = connection.secret(name);
        let pages = async move {
            let mut found = Vec::new();
            let mut next = String::new();
            loop {
                let page = connection.service.list_secret_versions().set_parent(&secret);
                let page = page.set_page_size(PAGE).set_page_token(next);
                let mut page = connection.watch.hear("ListSecretVersions", page.send()).await?;
                found.append(&mut page.versions);
                next = page.next_page_token;
                if next.is_empty() {
                    return Ok(found);
                }
            }
        };
        self.ask(self.errors(Doing::Read).about(name), pages).await
    }

    /// Asks many questions, some at a time, and answers in their order.
    pub(super) async fn ask_all(&self, questions: Vec<Question>) -> Result<Vec<Told>, StoreError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection().await?;
        let asked: Vec<_> = questions.into_iter().map(|question| told(connection.clone(), question)).collect();
        self.ask(self.errors(Doing::Read), concurrently(SIDE_BY_SIDE, asked)).await
    }

    /// Creates a secret without versions.
    pub(super) async fn create(&self, name: &PayloadName, labels: &Labels) -> Result<Answer<Secret>, StoreError> {
        let connection = self.connection().await?;
        let mut secret = Secret::new().set_labels(labels.clone());
        if self.settings.location.is_none() {
            // Secrets of one region have no replication to choose:
            // https://docs.cloud.google.com/secret-manager/regional-secrets/create-regional-secret
            secret = secret.set_replication(Replication::new().set_automatic(Automatic::new()));
        }
        let id = name.0.clone();
        let work = async move {
            let request = connection.service.create_secret().set_parent(&connection.parent);
            connection.watch.hear("CreateSecret", request.set_secret_id(id).set_secret(secret).send()).await
        };
        self.ask(self.errors(Doing::Write).about(name), work).await
    }

    /// Adds a version, with the checksum that the service verifies.
    pub(super) async fn add(&self, name: &PayloadName, value: &[u8]) -> Result<Answer<SecretVersion>, StoreError> {
        let connection = self.connection().await?;
        let checksum = i64::from(crc32c::crc32c(value));
        let payload = SecretPayload::new().set_data(value.to_vec()).set_data_crc32c(checksum);
        let parent = connection.secret(name);
        let work = async move {
            let request = connection.service.add_secret_version().set_parent(parent).set_payload(payload);
            connection.watch.hear("AddSecretVersion", request.send()).await
        };
        self.ask(self.errors(Doing::Write).about(name), work).await
    }

    /// Deletes a secret with all its versions; with an etag, only if its metadata is still the same.
    pub(super) async fn delete(&self, name: &PayloadName, etag: Option<String>) -> Result<Answer<()>, StoreError> {
        let connection = self.connection().await?;
        let secret = connection.secret(name);
        let work = async move {
            let request = connection.service.delete_secret().set_name(secret).set_etag(etag.unwrap_or_default());
            connection.watch.hear("DeleteSecret", request.send()).await
        };
        self.ask(self.errors(Doing::Write).about(name), work).await
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection.clone());
        }
        let errors = Errors::new(&self.settings, Doing::Read);
        if let Some(wrong) = self.settings.wrong() {
            return Err(errors.misconfigured(&wrong));
        }
        let Some(project) = self.settings.project() else { return Err(errors.no_project()) };
        let parent = match &self.settings.location {
            Some(location) => format!("projects/{project}/locations/{location}"),
            None => format!("projects/{project}"),
        };
        let built = self.net.call(connect(self.settings.clone())).await;
        match built.map_err(|unanswered| errors.unanswered(&self.net, unanswered))? {
            Ok((service, source)) => {
                let watch = Watch { host: self.settings.host(), log: self.net.log() };
                let connection = Connection { service, parent, source, watch };
                Ok(self.connection.get_or_init(|| connection).clone())
            }
            Err(Unconnected::SignedOut(nobody)) => Err(errors.signed_out(&nobody)),
            Err(Unconnected::Unbuilt(error)) => Err(errors.unbuilt(&error)),
        }
    }

    /// What was answered, also where the answer says no.
    async fn ask<T: Send + 'static>(
        &self,
        errors: Errors<'_>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.net.call(work).await.map_err(|unanswered| errors.unanswered(&self.net, unanswered))
    }

    /// What was answered; one that says no is an error.
    async fn answer<T: Send + 'static>(
        &self,
        errors: Errors<'_>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(errors, work).await?.map_err(|error| errors.sdk(&error))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connection {
    fn secret(&self, name: &PayloadName) -> String {
        format!("{}/secrets/{}", self.parent, name.0)
    }
}

impl Watch {
    async fn hear<T>(&self, operation: &str, request: impl Future<Output = Answer<T>>) -> Answer<T> {
        if !self.log.wants(Level::Requests) {
            return request.await;
        }
        let began = Instant::now();
        let answer = request.await;
        let status = answer.as_ref().map_or_else(Error::http_status_code, |_| Some(200));
        self.log.request(&RequestSeen { host: &self.host, operation, status, duration: began.elapsed() });
        answer
    }
}

/// Finds out who asks, and makes Google's client.
async fn connect(settings: GcpSettings) -> Result<(SecretManagerService, String), Unconnected> {
    // Google's client comes without a TLS provider and panics unless the process has one. One that somebody else has
    // installed is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let found = match settings.is_on_this_machine() {
        true => credentials::on_this_machine(&settings.variables).await,
        false => credentials::find(&settings.variables).await,
    };
    let Identity { credentials, source } = found.map_err(Unconnected::SignedOut)?;
    let builder = SecretManagerService::builder()
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry)
        .with_attempt_timeout(ATTEMPT)
        .with_endpoint(settings.url());
    Ok((builder.build().await.map_err(Unconnected::Unbuilt)?, source))
}

async fn told(connection: Connection, question: Question) -> Told {
    let Connection { service, watch, .. } = &connection;
    match question {
        Question::Secret(name) => {
            let request = service.get_secret().set_name(connection.secret(&name));
            Told::Secret(watch.hear("GetSecret", request.send()).await.map(Box::new))
        }
        Question::Version(name, version) => {
            let name = format!("{}/versions/{version}", connection.secret(&name));
            let request = service.get_secret_version().set_name(name);
            Told::Version(watch.hear("GetSecretVersion", request.send()).await.map(Box::new))
        }
        Question::Access(name, version) => {
            let name = format!("{}/versions/{version}", connection.secret(&name));
            let request = service.access_secret_version().set_name(name);
            Told::Access(watch.hear("AccessSecretVersion", request.send()).await)
        }
    }
}
