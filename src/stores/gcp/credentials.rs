//! Who asks: Google's application default credentials, in Google's order, but each way bounded and told of.
//!
//! The order: <https://docs.cloud.google.com/docs/authentication/application-default-credentials>. Google's client does
//! the signing in; which file it is given is decided here, because its own search ends in a wait of half a minute for a
//! metadata server that most machines do not have.

use google_cloud_auth::credentials::{
    Credentials, anonymous, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_gax::retry_policy::NeverRetry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

/// The variables of the environment that decide who asks and for which project. The wiring passes them on.
pub const VARIABLES: [&str; 8] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_CONFIG",
    "HOME",
    "APPDATA",
    "GCE_METADATA_HOST",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "GOOGLE_CLOUD_PROJECT",
    "CLOUDSDK_CORE_PROJECT",
];

/// What signs a person in.
pub(super) const SIGN_IN: &str = "`gcloud auth application-default login`";

/// How long a metadata server may take to say that it is one. It is on the same machine, or there is none.
const METADATA_WAIT: Duration = Duration::from_millis(500);

/// Google's own address of it, which needs no name server:
/// <https://docs.cloud.google.com/compute/docs/metadata/querying-metadata>.
const METADATA_HOST: &str = "169.254.169.254";

/// What everything in Google Cloud is asked under; roles decide what is permitted.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Why nobody is signed in: one line without content, and what to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NobodyIsSignedIn {
    pub(super) detail: String,
    pub(super) hint: String,
}

/// Who asks, and what that is called in errors.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) credentials: Credentials,
    pub(super) source: String,
}

/// For a service on this machine, which may ask for no credentials: those that a variable names, else none. The user's
/// own sign-in is not for whatever runs here.
pub(super) async fn on_this_machine(variables: &BTreeMap<String, String>) -> Result<Identity, NobodyIsSignedIn> {
    if ["GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"].iter().any(|name| variables.contains_key(*name)) {
        return find(variables).await;
    }
    Ok(Identity { credentials: anonymous::Builder::new().build(), source: "nobody".to_owned() })
}

/// Looks for credentials. Touches files and perhaps the metadata server; only what `Net::call` runs may ask.
pub(super) async fn find(variables: &BTreeMap<String, String>) -> Result<Identity, NobodyIsSignedIn> {
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let mut tried = Vec::new();
    match variable("GOOGLE_APPLICATION_CREDENTIALS") {
        Some(path) => {
            let source = format!("{path}, which GOOGLE_APPLICATION_CREDENTIALS names");
            return match std::fs::read(path) {
                Ok(bytes) => of_file(&bytes, source, variable("GOOGLE_CLOUD_QUOTA_PROJECT")),
                Err(error) => Err(NobodyIsSignedIn {
                    detail: format!("cannot read {source}: {}", error.kind()),
                    hint: format!("correct the variable, or unset it and use {SIGN_IN}"),
                }),
            };
        }
        None => tried.push("GOOGLE_APPLICATION_CREDENTIALS (not set)".to_owned()),
    }
    if let Some(path) = well_known(&variable) {
        let source = path.display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => return of_file(&bytes, source, variable("GOOGLE_CLOUD_QUOTA_PROJECT")),
            Err(error) if error.kind() == ErrorKind::NotFound => tried.push(format!("{source} (not there)")),
            Err(error) => {
                let detail = format!("cannot read {source}: {}", error.kind());
                return Err(NobodyIsSignedIn { detail, hint: SIGN_IN.to_owned() });
            }
        }
    }
    let host = variable("GCE_METADATA_HOST").map_or(METADATA_HOST, String::as_str);
    if is_metadata_server(host).await {
        let builder = mds::Builder::default().with_endpoint(format!("http://{host}")).with_retry_policy(NeverRetry);
        let quota = variable("GOOGLE_CLOUD_QUOTA_PROJECT");
        let builder = quota.into_iter().fold(builder, |builder, project| builder.with_quota_project_id(project));
        return built(builder.build(), format!("the metadata server at {host}"));
    }
    tried.push(format!("the metadata server at {host} (no answer)"));
    Err(NobodyIsSignedIn {
        detail: format!("nobody is signed in to Google Cloud; tried {}", tried.join(", ")),
        hint: SIGN_IN.to_owned(),
    })
}

/// Where `gcloud auth application-default login` leaves its file.
fn well_known<'a>(variable: &impl Fn(&str) -> Option<&'a String>) -> Option<PathBuf> {
    let directory = match variable("CLOUDSDK_CONFIG") {
        Some(directory) => PathBuf::from(directory),
        None if cfg!(windows) => PathBuf::from(variable("APPDATA")?).join("gcloud"),
        None => PathBuf::from(variable("HOME")?).join(".config").join("gcloud"),
    };
    Some(directory.join("application_default_credentials.json"))
}

fn of_file(bytes: &[u8], source: String, quota: Option<&String>) -> Result<Identity, NobodyIsSignedIn> {
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else {
        return Err(unusable(&source, "is not JSON"));
    };
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let scopes = [SCOPE];
    match kind.as_str() {
        "authorized_user" => {
            let builder = user_account::Builder::new(json).with_retry_policy(NeverRetry);
            let builder = quota.into_iter().fold(builder, |builder, project| builder.with_quota_project_id(project));
            built(builder.build(), source)
        }
        // It signs for itself: no token is asked for.
        "service_account" => {
            let builder = service_account::Builder::new(json);
            let builder = quota.into_iter().fold(builder, |builder, project| builder.with_quota_project_id(project));
            built(builder.build(), source)
        }
        "impersonated_service_account" => {
            let builder = impersonated::Builder::new(json).with_scopes(scopes).with_retry_policy(NeverRetry);
            let builder = quota.into_iter().fold(builder, |builder, project| builder.with_quota_project_id(project));
            built(builder.build(), source)
        }
        "external_account" => {
            let builder = external_account::Builder::new(json).with_scopes(scopes).with_retry_policy(NeverRetry);
            let builder = quota.into_iter().fold(builder, |builder, project| builder.with_quota_project_id(project));
            built(builder.build(), source)
        }
        // Not the type itself: it could be anything.
        _ => Err(unusable(&source, "has no type of credentials that is known here")),
    }
}

fn built<E>(credentials: Result<Credentials, E>, source: String) -> Result<Identity, NobodyIsSignedIn> {
    match credentials {
        Ok(credentials) => Ok(Identity { credentials, source }),
        Err(_) => Err(unusable(&source, "cannot be used: a member is missing or damaged")),
    }
}

fn unusable(source: &str, why: &str) -> NobodyIsSignedIn {
    NobodyIsSignedIn { detail: format!("{source} {why}"), hint: format!("make it anew: {SIGN_IN}") }
}

/// Whether a metadata server answers there, as it says of itself:
/// <https://docs.cloud.google.com/compute/docs/instances/detect-compute-engine>.
async fn is_metadata_server(host: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(METADATA_WAIT).build();
    let Ok(client) = client else { return false };
    let answer = client.get(format!("http://{host}/")).header("Metadata-Flavor", "Google").send().await;
    answer.is_ok_and(|answer| answer.headers().get("Metadata-Flavor").is_some_and(|flavor| flavor == "Google"))
}
