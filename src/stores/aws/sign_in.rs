//! Where to ask and who asks: region, credentials, role.
//!
//! Credentials are looked for once, before the first question, and one after another, so that an error can say what was
//! tried. The order is Amazon's: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use super::AwsSettings;
use super::connection::{self, Unconnected};
use super::profile::Profile;
use super::words;
use crate::ports::{RequestLog, Retry, StoreErrorKind};
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::Client as InstanceMetadata;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use std::env;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a connection may take to come about: what Amazon's own clients allow.
const CONNECT: Duration = Duration::from_millis(3_100);
/// How long an answer may take to begin, so that of the usual time budget something is left to ask again.
const READ: Duration = Duration::from_secs(10);
/// How long the metadata service of a cloud machine may take. It is next door; elsewhere nobody answers.
const METADATA: Duration = Duration::from_millis(200);
/// As which an assumed role's sessions are known in the account's logs.
const SESSION: &str = "git-envsync";

/// Why nobody is signed in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub kind: StoreErrorKind,
    pub retry: Retry,
    pub detail: String,
    pub hint: Option<String>,
}

impl Refusal {
    fn new(kind: StoreErrorKind, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, retry: Retry::Never, detail: detail.into(), hint: Some(hint.into()) }
    }

    fn unconnected(failed: &Unconnected, region: Option<&str>) -> Self {
        let words::Words { kind, retry, detail, hint } = words::unconnected(failed, region);
        Self { kind, retry, detail: format!("cannot sign in: {detail}"), hint }
    }
}

/// What was tried so far, also for whoever ran out of time meanwhile.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried(Arc<Mutex<Vec<String>>>);

impl Tried {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    /// Replaces the last entry, which said what is being tried, by what became of it.
    fn ended(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.add(what);
    }
}

impl std::fmt::Display for Tried {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.lock().unwrap_or_else(PoisonError::into_inner).join("; "))
    }
}

/// Region, credentials and connection of `settings`.
pub(super) async fn sign_in(
    settings: AwsSettings,
    log: Arc<dyn RequestLog>,
    tried: Tried,
) -> Result<SdkConfig, Refusal> {
    let trust = super::trust::context().map_err(|variable| {
        let detail = format!("{variable} does not name a file of certificates");
        Refusal::new(StoreErrorKind::Misconfigured, detail, format!("mend {variable}, or unset it"))
    })?;
    let client = connection::client(log, trust, settings.barred.clone());
    let base = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .http_client(client.clone())
        .use_fips(is_true("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_true("AWS_USE_DUALSTACK_ENDPOINT"))
        .build();
    let providers = ProviderConfig::without_region()
        .with_http_client(client)
        .with_retry_config(RetryConfig::disabled())
        .with_sleep_impl(TokioSleep::new())
        .with_use_fips(base.use_fips())
        .with_use_dual_stack(base.use_dual_stack());
    let region = region(&settings, &providers).await?;
    let providers = providers.with_region(Some(region.clone()));
    let base = base.into_builder().region(region.clone()).build();
    let way = Way { settings: &settings, providers, region: region.to_string(), tried };
    let mut credentials = way.credentials().await?;
    if let Some(role) = &settings.role_arn {
        credentials = way.assume(role, credentials, &base).await?;
    }
    let mut config = base.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(settings.endpoint.clone());
    Ok(config.build())
}

/// The config's region, else the environment's, else the profile's. There is no default: a secret in the wrong region is
/// worse than an error.
async fn region(settings: &AwsSettings, providers: &ProviderConfig) -> Result<Region, Refusal> {
    if let Some(region) = &settings.region {
        return Ok(Region::new(region.clone()));
    }
    if let Some(region) = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) {
        return Ok(Region::new(region));
    }
    let mut files = ProfileFileRegionProvider::builder().configure(providers);
    if let Some(profile) = &settings.profile {
        files = files.profile_name(profile);
    }
    files.build().region().await.ok_or_else(|| {
        let hint = format!("write `region = \"...\"` under [stores.{}], or set AWS_REGION", settings.name);
        Refusal::new(StoreErrorKind::Misconfigured, "no region is set", hint)
    })
}

/// One search for credentials.
struct Way<'a> {
    settings: &'a AwsSettings,
    providers: ProviderConfig,
    region: String,
    tried: Tried,
}

impl Way<'_> {
    async fn credentials(&self) -> Result<Credentials, Refusal> {
        if let Some(profile) = &self.settings.profile {
            let found = self.in_profile(profile).await?;
            return found.ok_or_else(|| self.nobody());
        }
        if let Some(credentials) = self.in_variables().await {
            return Ok(credentials);
        }
        let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        if let Some(credentials) = self.in_profile(&profile).await? {
            return Ok(credentials);
        }
        if let Some(credentials) = self.on_machine().await? {
            return Ok(credentials);
        }
        // A service on this machine does not check who asks; it has to be asked in the form of a signed request.
        if connection::is_plain(self.settings.endpoint.as_ref()) {
            let builder = Credentials::builder().access_key_id("anybody").secret_access_key("anything");
            return Ok(builder.provider_name("loopback").build());
        }
        Err(self.nobody())
    }

    fn nobody(&self) -> Refusal {
        let name = &self.settings.name;
        let hint = match &self.settings.profile {
            Some(profile) => format!("`aws configure --profile {profile}`, or `aws sso login --profile {profile}`"),
            None => format!(
                "`aws configure` or `aws sso login`; another profile is named by `git config envsync.store.{name}.profile PROFILE`"
            ),
        };
        let detail = format!("nobody is signed in to AWS (tried: {})", self.tried);
        Refusal::new(StoreErrorKind::SignedOut, detail, hint)
    }

    async fn in_variables(&self) -> Option<Credentials> {
        let found = EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
        if found.is_err() {
            let missing = match variable("AWS_ACCESS_KEY_ID") {
                None => "AWS_ACCESS_KEY_ID is not set",
                Some(_) => "AWS_SECRET_ACCESS_KEY is not set",
            };
            self.tried.add(missing);
        }
        found.ok()
    }

    async fn in_profile(&self, name: &str) -> Result<Option<Credentials>, Refusal> {
        self.tried.add(format!("the profile {name}"));
        let profile = Profile::load(name).await;
        let lacking = match &profile {
            None => Some("the AWS files cannot be read"),
            Some(profile) if !profile.is_there() => Some("there is no such profile"),
            Some(profile) if !profile.has_credentials() => Some("it has no credentials"),
            Some(_) => None,
        };
        if let Some(lacking) = lacking {
            self.tried.ended(format!("the profile {name}: {lacking}"));
        }
        let Some(profile) = profile.filter(|_| lacking.is_none()) else { return Ok(None) };
        let provider = aws_config::profile::ProfileFileCredentialsProvider::builder()
            .configure(&self.providers)
            .profile_name(name)
            .build();
        match provider.provide_credentials().await {
            Ok(credentials) => Ok(Some(credentials)),
            Err(error) => Err(self.profile_refusal(name, &profile, &error)),
        }
    }

    /// What a profile is there for, it does not give.
    fn profile_refusal(&self, name: &str, profile: &Profile, error: &CredentialsError) -> Refusal {
        if let Some(failed) = connection::find::<Unconnected>(error) {
            return Refusal::unconnected(failed, Some(&self.region));
        }
        let option = |name: &str| if name == "default" { String::new() } else { format!(" --profile {name}") };
        if let Some(source) = profile.sso_profile() {
            let detail =
                format!("the sign-in of the profile {name} has expired, or was never made (tried: {})", self.tried);
            return Refusal::new(StoreErrorKind::SignedOut, detail, format!("`aws sso login{}`", option(source)));
        }
        if let Some(role) = profile.role()
            && let Some(code) = code_of(error)
        {
            return role_refusal(role, code);
        }
        let (what, hint) = if profile.has_process() {
            ("its credential_process gives no credentials", "run that command by hand: it says why".to_owned())
        } else if profile.has_login_session() {
            let command = format!("aws configure export-credentials --format process{}", option(name));
            (
                "it is signed in by `aws login`, which is not understood here",
                format!("let `credential_process` be `{command}`, in another profile"),
            )
        } else {
            (
                "what the AWS files say of it gives no credentials",
                format!("`aws configure list{}` shows what is set", option(name)),
            )
        };
        self.tried.ended(format!("the profile {name}: {what}"));
        Refusal::new(StoreErrorKind::SignedOut, format!("nobody is signed in to AWS (tried: {})", self.tried), hint)
    }

    /// What a machine of Amazon's, or a job on one, is given.
    async fn on_machine(&self) -> Result<Option<Credentials>, Refusal> {
        if variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
            self.tried.add("a web identity token");
            let provider = WebIdentityTokenCredentialsProvider::builder().configure(&self.providers).build();
            return self.given("the web identity token", provider.provide_credentials().await).map(Some);
        }
        self.tried.add("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        if container.iter().any(|name| variable(name).is_some()) {
            self.tried.add("the container's credentials");
            let provider = EcsCredentialsProvider::builder().configure(&self.providers).build();
            return self.given("the container", provider.provide_credentials().await).map(Some);
        }
        self.tried.add("AWS_CONTAINER_CREDENTIALS_* is not set");
        if is_true("AWS_EC2_METADATA_DISABLED") {
            self.tried.add("EC2 metadata is switched off by AWS_EC2_METADATA_DISABLED");
            return Ok(None);
        }
        if connection::is_plain(self.settings.endpoint.as_ref()) {
            return Ok(None);
        }
        self.tried.add("EC2 metadata");
        let metadata = InstanceMetadata::builder()
            .configure(&self.providers)
            .max_attempts(1)
            .connect_timeout(METADATA)
            .read_timeout(METADATA)
            .operation_attempt_timeout(METADATA)
            .build();
        let provider = ImdsCredentialsProvider::builder().configure(&self.providers).imds_client(metadata).build();
        let found = provider.provide_credentials().await;
        if found.is_err() {
            self.tried.ended(format!("EC2 metadata: no credentials within {} s", METADATA.as_secs_f32()));
        }
        Ok(found.ok())
    }

    /// The answer of a source that the environment names: there is no other to turn to.
    fn given(&self, source: &str, found: Result<Credentials, CredentialsError>) -> Result<Credentials, Refusal> {
        let error = match found {
            Ok(credentials) => return Ok(credentials),
            Err(error) => error,
        };
        if let Some(failed) = connection::find::<Unconnected>(&error) {
            return Err(Refusal::unconnected(failed, Some(&self.region)));
        }
        let code = code_of(&error).map(|code| format!(": {}", words::shown(code))).unwrap_or_default();
        let detail = format!("{source} gives no credentials{code} (tried: {})", self.tried);
        Err(Refusal::new(StoreErrorKind::SignedOut, detail, "look at the role that this job or machine has been given"))
    }

    async fn assume(&self, role: &str, credentials: Credentials, base: &SdkConfig) -> Result<Credentials, Refusal> {
        self.tried.add(format!("the role {role}"));
        let mut config = base.clone().into_builder();
        config.set_endpoint_url(self.settings.sts_endpoint.clone());
        let provider = AssumeRoleProvider::builder(role)
            .session_name(SESSION)
            .configure(&config.build())
            .build_from_provider(credentials)
            .await;
        provider.provide_credentials().await.map_err(|error| {
            if let Some(failed) = connection::find::<Unconnected>(&error) {
                return Refusal::unconnected(failed, Some(&self.region));
            }
            role_refusal(role, code_of(&error).unwrap_or("no credentials"))
        })
    }
}

fn role_refusal(role: &str, code: &str) -> Refusal {
    match words::meaning(code) {
        words::Meaning::Denied => Refusal::new(
            StoreErrorKind::Denied,
            format!("sts:AssumeRole on {role} is not permitted"),
            "ask for that permission; the role's trust policy has to name you too",
        ),
        words::Meaning::Expired | words::Meaning::UnknownKey => Refusal::new(
            StoreErrorKind::SignedOut,
            format!("the credentials that should assume {role} have expired or are not known ({code})"),
            "sign in again: `aws sso login`, or `aws configure`",
        ),
        words::Meaning::Clock => {
            Refusal::new(StoreErrorKind::SignedOut, format!("{role} cannot be assumed ({code})"), words::CLOCK)
        }
        words::Meaning::Throttled | words::Meaning::Busy => Refusal {
            kind: StoreErrorKind::Unreachable,
            retry: Retry::Soon,
            detail: format!("{role} cannot be assumed now ({code})"),
            hint: None,
        },
        _ => Refusal::new(
            StoreErrorKind::Denied,
            format!("{role} cannot be assumed ({})", words::shown(code)),
            "look at `role_arn` of the store, and at the role's trust policy",
        ),
    }
}

/// The code of a service's answer, where that is what is below an error.
fn code_of(error: &CredentialsError) -> Option<&str> {
    connection::find::<ErrorMetadata>(error)?.code()
}

/// A variable that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn is_true(name: &str) -> bool {
    variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
