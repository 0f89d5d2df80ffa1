//! The requests of Secrets Manager, one method each: what is sent, how many at a time, and what an answer holds.
//!
//! Decides nothing: what a refusal means for a payload is said in `mod`.

use super::error::{Call, Refusal};
use super::stages::CURRENT;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, VersionId};
use crate::ports::{StoreError, StoreErrorKind, concurrently};
use crate::stores::aws::Aws;
use crate::stores::payload::{Labels, WriteId};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_secretsmanager::types::{
    ApiErrorType, Filter, FilterNameStringType, SecretListEntry, SecretValueEntry, SecretVersionsListEntry, Tag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::Blob;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

/// The most names a batch takes: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>.
pub(super) const BATCH: usize = 20;
const BATCHES_AT_ONCE: usize = 8;
const SINGLES_AT_ONCE: usize = 16;
/// The most entries of a list page.
const PAGE: i32 = 100;

/// An answer, or why there is none.
pub(super) type Answer<T> = Result<T, Refusal>;

/// A way to the service.
pub(super) struct Requests {
    aws: Rc<Aws>,
    client: OnceCell<Client>,
}

/// A version of a secret with its value.
pub(super) struct Value {
    pub(super) arn: String,
    pub(super) version: VersionId,
    pub(super) bytes: SecretBytes,
}

/// A version that was made, and the stages it has.
pub(super) struct Made {
    pub(super) arn: String,
    pub(super) version: VersionId,
    pub(super) stages: Vec<String>,
}

/// What one batch answered.
pub(super) struct Batch {
    pub(super) values: Vec<SecretValueEntry>,
    pub(super) errors: Vec<ApiErrorType>,
}

/// Where a staging label goes.
#[derive(Debug, Clone)]
pub(super) struct StageMove {
    pub(super) stage: String,
    pub(super) from: VersionId,
    /// None takes the label away.
    pub(super) to: Option<VersionId>,
}

impl Requests {
    pub(super) fn new(aws: Rc<Aws>) -> Self {
        Self { aws, client: OnceCell::new() }
    }

    pub(super) fn aws(&self) -> &Aws {
        &self.aws
    }

    async fn client(&self) -> Result<Client, StoreError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = Client::new(self.aws.sdk_config().await?);
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Sends one request.
    async fn ask<T, E, F>(&self, call: Call<'_>, request: impl FnOnce(Client) -> F) -> Answer<T>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + Send + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    {
        let request = request(self.client().await?);
        let answer = self.aws.net().call(request).await.map_err(|none| call.unanswered(&self.aws, none))?;
        answer.map_err(|error| call.refused(&self.aws, &error))
    }

    /// Sends a request for each item, some at a time, and answers in order.
    ///
    /// # Errors
    /// The time was used up before all had answered, or nobody can be asked at all.
    async fn ask_each<I, T, E, F>(
        &self,
        calls: &[Call<'_>],
        items: impl Iterator<Item = I>,
        limit: usize,
        request: impl Fn(Client, I) -> F,
    ) -> Result<Vec<Answer<T>>, StoreError>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + Send + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    {
        let Some(first) = calls.first() else { return Ok(Vec::new()) };
        let client = self.client().await?;
        let requests: Vec<F> = items.map(|item| request(client.clone(), item)).collect();
        let answers = self.aws.net().call(concurrently(limit, requests)).await;
        let answers = answers.map_err(|none| first.unanswered(&self.aws, none).error)?;
        let read = |(call, answer): (&Call<'_>, Result<T, _>)| answer.map_err(|error| call.refused(&self.aws, &error));
        Ok(calls.iter().zip(answers).map(read).collect())
    }

    /// All secrets whose names begin with `prefix`, those scheduled for deletion too. The filter distinguishes cases:
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html>.
    pub(super) async fn list(&self, prefix: &str) -> Answer<Vec<SecretListEntry>> {
        let call = Call { operation: "list", action: "ListSecrets", name: None };
        let by_name = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let filters = (!prefix.is_empty()).then(|| vec![by_name]);
        self.ask(call, |client| async move {
            let (mut all, mut next) = (Vec::new(), None);
            loop {
                let page = client.list_secrets().include_planned_deletion(true).max_results(PAGE);
                let page = page.set_filters(filters.clone()).set_next_token(next).send().await?;
                all.extend(page.secret_list.unwrap_or_default());
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok::<_, SdkError<_, _>>(all);
                }
            }
        })
        .await
    }

    pub(super) async fn describe(
        &self,
        operation: &'static str,
        names: &[PayloadName],
    ) -> Result<Vec<Answer<DescribeSecretOutput>>, StoreError> {
        let calls = calls(operation, "DescribeSecret", names);
        self.ask_each(&calls, names.iter(), SINGLES_AT_ONCE, |client, name| {
            client.describe_secret().secret_id(&name.0).send()
        })
        .await
    }

    /// The version of each secret that has this stage.
    pub(super) async fn get(
        &self,
        names: &[PayloadName],
        stage: &str,
    ) -> Result<Vec<Answer<GetSecretValueOutput>>, StoreError> {
        let calls = calls("read", "GetSecretValue", names);
        self.ask_each(&calls, names.iter(), SINGLES_AT_ONCE, |client, name| {
            client.get_secret_value().secret_id(&name.0).version_stage(stage).send()
        })
        .await
    }

    pub(super) async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Answer<GetSecretValueOutput> {
        let call = Call { operation: "read", action: "GetSecretValue", name: Some(name) };
        let (name, version) = (name.0.clone(), version.0.clone());
        self.ask(call, |client| client.get_secret_value().secret_id(name).version_id(version).send()).await
    }

    /// The current versions, as many names a request as it takes.
    pub(super) async fn get_batches(&self, batches: &[&[PayloadName]]) -> Result<Vec<Answer<Batch>>, StoreError> {
        let call = Call { operation: "read", action: "BatchGetSecretValue", name: None };
        let calls = vec![call; batches.len()];
        let answers = self
            .ask_each(&calls, batches.iter(), BATCHES_AT_ONCE, |client, names| {
                let ids = names.iter().map(|name| name.0.clone()).collect();
                client.batch_get_secret_value().set_secret_id_list(Some(ids)).send()
            })
            .await?;
        let batch = |answer: Answer<_>| {
            answer.map(
                |answer: aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput| Batch {
                    values: answer.secret_values.unwrap_or_default(),
                    errors: answer.errors.unwrap_or_default(),
                },
            )
        };
        Ok(answers.into_iter().map(batch).collect())
    }

    pub(super) async fn create(
        &self,
        name: &PayloadName,
        value: &SecretBytes,
        token: &WriteId,
        labels: &Labels,
    ) -> Answer<Made> {
        let call = Call { operation: "write", action: "CreateSecret", name: Some(name) };
        let tag = |(key, value): (&str, &str)| Tag::builder().key(key).value(value).build();
        let ours = [("managed-by", "git-envsync")].into_iter();
        let labels = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let tags = ours.chain(labels).map(tag).collect();
        let key = self.aws.settings().kms_key.clone();
        let (text, binary) = content(value);
        let (name, token) = (name.0.clone(), token.as_str().to_owned());
        let created = self
            .ask(call, |client| {
                let create = client.create_secret().name(name).client_request_token(token);
                create.set_kms_key_id(key).set_tags(Some(tags)).set_secret_string(text).set_secret_binary(binary).send()
            })
            .await?;
        let stages = vec![CURRENT.to_owned()];
        self.made(call, created.arn, created.version_id, stages)
    }

    /// Makes a version under one stage. The same token with the same value makes no second one.
    pub(super) async fn put(
        &self,
        name: &PayloadName,
        value: &SecretBytes,
        token: String,
        stage: &str,
    ) -> Answer<Made> {
        let call = Call { operation: "write", action: "PutSecretValue", name: Some(name) };
        let (text, binary) = content(value);
        let (name, stage) = (name.0.clone(), stage.to_owned());
        let put = self
            .ask(call, |client| {
                let put = client.put_secret_value().secret_id(name).client_request_token(token).version_stages(stage);
                put.set_secret_string(text).set_secret_binary(binary).send()
            })
            .await?;
        self.made(call, put.arn, put.version_id, put.version_stages.unwrap_or_default())
    }

    fn made(&self, call: Call<'_>, arn: Option<String>, version: Option<String>, stages: Vec<String>) -> Answer<Made> {
        match (arn, version) {
            (Some(arn), Some(version)) => Ok(Made { arn, version: VersionId(version), stages }),
            _ => Err(self.nonsense(call).into()),
        }
    }

    fn nonsense(&self, call: Call<'_>) -> StoreError {
        let kind = StoreErrorKind::Nonsense;
        call.error(&self.aws, kind, format!("the answer to {} has no ARN, version or value", call.action))
    }

    /// Moves stages, all at a time.
    pub(super) async fn move_stages(
        &self,
        name: &PayloadName,
        moves: Vec<StageMove>,
    ) -> Result<Vec<Answer<()>>, StoreError> {
        let call = Call { operation: "write", action: "UpdateSecretVersionStage", name: Some(name) };
        let calls = vec![call; moves.len()];
        let answers = self
            .ask_each(&calls, moves.into_iter(), SINGLES_AT_ONCE, |client, StageMove { stage, from, to }| {
                let update = client.update_secret_version_stage().secret_id(&name.0).version_stage(stage);
                update.remove_from_version_id(from.0).set_move_to_version_id(to.map(|to| to.0)).send()
            })
            .await?;
        Ok(answers.into_iter().map(|answer| answer.map(drop)).collect())
    }

    /// Schedules a deletion after Amazon's own window of thirty days.
    pub(super) async fn delete(&self, name: &PayloadName) -> Answer<()> {
        let call = Call { operation: "delete", action: "DeleteSecret", name: Some(name) };
        let name = name.0.clone();
        self.ask(call, |client| client.delete_secret().secret_id(name).send()).await.map(drop)
    }

    pub(super) async fn restore(&self, name: &PayloadName) -> Answer<()> {
        let call = Call { operation: "restore", action: "RestoreSecret", name: Some(name) };
        let name = name.0.clone();
        self.ask(call, |client| client.restore_secret().secret_id(name).send()).await.map(drop)
    }

    /// All versions that are still there, in no order.
    pub(super) async fn versions(&self, name: &PayloadName) -> Answer<Vec<SecretVersionsListEntry>> {
        let call = Call { operation: "history", action: "ListSecretVersionIds", name: Some(name) };
        let name = name.0.clone();
        self.ask(call, |client| async move {
            let (mut all, mut next) = (Vec::new(), None);
            loop {
                let page = client.list_secret_version_ids().secret_id(&name).include_deprecated(true).max_results(PAGE);
                let page = page.set_next_token(next).send().await?;
                all.extend(page.versions.unwrap_or_default());
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok::<_, SdkError<_, _>>(all);
                }
            }
        })
        .await
    }

    /// The value of an answer.
    pub(super) fn value(
        &self,
        name: &PayloadName,
        arn: Option<String>,
        version: Option<String>,
        text: Option<String>,
        binary: Option<Blob>,
    ) -> Result<Value, StoreError> {
        let bytes = text.map(String::into_bytes).or_else(|| binary.map(Blob::into_inner));
        match (arn, version, bytes) {
            (Some(arn), Some(version), Some(bytes)) => {
                Ok(Value { arn, version: VersionId(version), bytes: SecretBytes::new(bytes) })
            }
            _ => Err(self.nonsense(Call { operation: "read", action: "GetSecretValue", name: Some(name) })),
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Requests").field("aws", &self.aws).finish_non_exhaustive()
    }
}

fn calls<'a>(operation: &'static str, action: &'static str, names: &'a [PayloadName]) -> Vec<Call<'a>> {
    names.iter().map(|name| Call { operation, action, name: Some(name) }).collect()
}

/// Text where it is text, so that other programs find it where they look.
fn content(value: &SecretBytes) -> (Option<String>, Option<Blob>) {
    match str::from_utf8(value.expose()) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(Blob::new(value.expose()))),
    }
}
