//! The requests: what is asked of Parameter Store, how many names at a time, and how many requests side by side.
//!
//! Knows parameters and their names as the service has them; nothing of environments or layouts.

use super::error::{Doing, code, is_absent, may_be_of_one_name, meaning};
use crate::domain::snapshot::PayloadName;
use crate::ports::{StoreError, StoreErrorKind, concurrently};
use crate::stores::aws::{Aws, Errors};
use aws_sdk_ssm::operation::describe_parameters::DescribeParametersError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::operation::get_parameter_history::GetParameterHistoryError;
use aws_sdk_ssm::operation::get_parameters::GetParametersError;
use aws_sdk_ssm::operation::get_parameters_by_path::GetParametersByPathError;
use aws_sdk_ssm::operation::put_parameter::PutParameterError;
use aws_sdk_ssm::types::{
    Parameter, ParameterHistory, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType, Tag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use zeroize::Zeroizing;

/// How many names `GetParameters`, and how many parameters a page of `GetParametersByPath`, have at most:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>.
pub(super) const BATCH: usize = 10;

/// How many names `DescribeParameters` takes in one filter:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>.
pub(super) const DESCRIBED: usize = 50;

/// How many versions a page of `GetParameterHistory` has at most.
const HISTORY_PAGE: i32 = 50;

/// How many requests are under way at once.
const SIDE_BY_SIDE: usize = 16;

/// Whether values are decrypted. What is not decrypted is not kept either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// They are.
    Decrypted,
    /// They are dropped unread.
    Dropped,
}

/// What became of asking for one parameter.
#[derive(Debug)]
pub(super) enum Asked {
    Found(Parameter),
    Absent,
    Failed(StoreError),
}

/// A `PutParameter`.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// The tags to create it with; none where it replaces another version.
    pub(super) create: Option<BTreeMap<String, String>>,
    pub(super) kind: Option<ParameterType>,
    pub(super) key: Option<String>,
    pub(super) tier: ParameterTier,
}

/// A client of Parameter Store. Nothing is looked up before the first request.
pub(super) struct Client {
    aws: Rc<Aws>,
    sdk: OnceCell<aws_sdk_ssm::Client>,
}

type Failed<E> = SdkError<E, HttpResponse>;
type Batch = Result<(Vec<Parameter>, Vec<String>), Failed<GetParametersError>>;

impl Client {
    pub(super) fn new(aws: Rc<Aws>) -> Self {
        Self { aws, sdk: OnceCell::new() }
    }

    pub(super) fn aws(&self) -> &Aws {
        &self.aws
    }

    pub(super) fn errors(&self, doing: Doing) -> Errors<'_> {
        Errors::new(&self.aws, doing.operation())
    }

    /// The parameters directly below a path, all pages.
    pub(super) async fn by_path(&self, path: String, values: Values) -> Result<Vec<Parameter>, StoreError> {
        let sdk = self.sdk().await?;
        let pages = async move {
            let mut found = Vec::new();
            let mut next = None;
            loop {
                let page = sdk.get_parameters_by_path().path(&path).recursive(false).max_results(BATCH as i32);
                let page = page.with_decryption(values == Values::Decrypted).set_next_token(next).send().await?;
                found.extend(page.parameters.unwrap_or_default().into_iter().map(|one| values.of(one)));
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok::<_, Failed<GetParametersByPathError>>(found);
                }
            }
        };
        self.answer(self.errors(Doing::Read), Doing::Read, pages).await
    }

    /// The parameters of these names, one outcome per name: in batches, side by side. A batch that one name may have
    /// failed is asked for name by name.
    pub(super) async fn by_name(
        &self,
        names: &[PayloadName],
        values: Values,
    ) -> Result<BTreeMap<PayloadName, Asked>, StoreError> {
        let sdk = self.sdk().await?;
        let asked: Vec<Vec<String>> =
            names.chunks(BATCH).map(|names| names.iter().map(|name| name.0.clone()).collect()).collect();
        let work = async move {
            let mut batches = batches(&sdk, asked, values).await;
            let denied = |(names, answer): &(Vec<String>, Batch)| {
                names.len() > 1 && answer.as_ref().is_err_and(|error| may_be_of_one_name(code(error)))
            };
            let (poisoned, mut whole): (Vec<_>, Vec<_>) = batches.drain(..).partition(denied);
            let singles = poisoned.into_iter().flat_map(|(names, _)| names).map(|name| vec![name]).collect();
            whole.extend(self::batches(&sdk, singles, values).await);
            // A policy may permit GetParameter alone.
            let denied = |(names, answer): &(Vec<String>, Batch)| {
                names.len() == 1 && answer.as_ref().is_err_and(|error| may_be_of_one_name(code(error)))
            };
            let (refused, whole): (Vec<_>, Vec<_>) = whole.into_iter().partition(denied);
            let one = |name: String| {
                let sdk = sdk.clone();
                async move {
                    let request = sdk.get_parameter().name(&name).with_decryption(values == Values::Decrypted);
                    let answer = request.send().await.map(|answer| answer.parameter.map(|one| values.of(one)));
                    (name, answer)
                }
            };
            let ones = refused.into_iter().flat_map(|(names, _)| names).map(one).collect::<Vec<_>>();
            let ones = concurrently(SIDE_BY_SIDE, ones).await;
            (whole, ones)
        };
        let errors = self.errors(Doing::Read);
        let (batches, ones) = self.aws.net().call(work).await.map_err(|unanswered| errors.unanswered(unanswered))?;
        let mut outcomes = BTreeMap::new();
        for (asked, answer) in batches {
            self.sort(asked, answer, &mut outcomes);
        }
        for (name, answer) in ones {
            let name = PayloadName(name);
            let asked = self.single(&name, answer);
            outcomes.insert(name, asked);
        }
        Ok(outcomes)
    }

    /// Versions of one parameter, one outcome each, side by side.
    pub(super) async fn versions(
        &self,
        name: &PayloadName,
        numbers: &[u64],
        values: Values,
    ) -> Result<Vec<Asked>, StoreError> {
        let sdk = self.sdk().await?;
        let one = |number: &u64| {
            let request = sdk.get_parameter().name(format!("{}:{number}", name.0));
            let request = request.with_decryption(values == Values::Decrypted);
            async move { request.send().await.map(|answer| answer.parameter.map(|one| values.of(one))) }
        };
        let work = concurrently(SIDE_BY_SIDE, numbers.iter().map(one).collect::<Vec<_>>());
        let errors = self.errors(Doing::Read).about(name);
        let answers = self.aws.net().call(work).await.map_err(|unanswered| errors.unanswered(unanswered))?;
        Ok(answers.into_iter().map(|answer| self.single(name, answer)).collect())
    }

    /// The versions that are kept, oldest first, without values.
    pub(super) async fn history(&self, name: &PayloadName) -> Result<Vec<ParameterHistory>, StoreError> {
        let sdk = self.sdk().await?;
        let asked = name.0.clone();
        let pages = async move {
            let mut found = Vec::new();
            let mut next = None;
            loop {
                let page = sdk.get_parameter_history().name(&asked).with_decryption(false).max_results(HISTORY_PAGE);
                let page = page.set_next_token(next).send().await?;
                let forgetful = |mut version: ParameterHistory| {
                    drop(version.value.take().map(Zeroizing::new));
                    version
                };
                found.extend(page.parameters.unwrap_or_default().into_iter().map(forgetful));
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok(found);
                }
            }
        };
        let answer = self.aws.net().call(pages).await;
        let errors = self.errors(Doing::Read).about(name);
        match answer.map_err(|unanswered| errors.unanswered(unanswered))? {
            Ok(versions) => Ok(versions),
            Err(error) if is_absent(code::<GetParameterHistoryError>(&error)) => Ok(Vec::new()),
            Err(error) => Err(meaning(&errors, Doing::Read, &error)),
        }
    }

    /// Type, KMS key and tier of these parameters, which no read tells.
    pub(super) async fn describe(&self, names: Vec<String>) -> Result<Vec<ParameterMetadata>, StoreError> {
        let sdk = self.sdk().await?;
        let errors = self.errors(Doing::Read);
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").set_values(Some(names)).build();
        let filter = filter.map_err(|_| errors.of(StoreErrorKind::Io, "a filter without a key"))?;
        let pages = async move {
            let mut found = Vec::new();
            let mut next = None;
            loop {
                let page = sdk.describe_parameters().parameter_filters(filter.clone()).max_results(DESCRIBED as i32);
                let page = page.set_next_token(next).send().await?;
                found.extend(page.parameters.unwrap_or_default());
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok::<_, Failed<DescribeParametersError>>(found);
                }
            }
        };
        self.answer(errors, Doing::Read, pages).await
    }

    /// Writes, and answers the number of the version it made.
    pub(super) async fn put(&self, name: &PayloadName, wanted: Wanted) -> Result<u64, StoreError> {
        let sdk = self.sdk().await?;
        let work = async move {
            let tags = wanted.create.as_ref().map(|tags| tags.iter().filter_map(tag).collect::<Vec<_>>());
            let request = sdk
                .put_parameter()
                .name(&wanted.name)
                .value(wanted.value.as_str())
                .overwrite(wanted.create.is_none())
                .set_type(wanted.kind)
                .set_key_id(wanted.key)
                .tier(wanted.tier);
            let tagged = tags.is_some();
            match request.clone().set_tags(tags).send().await {
                // A policy may permit to write and not to tag; nothing was written.
                Err(error) if tagged && may_be_of_one_name(code::<PutParameterError>(&error)) => request.send().await,
                answer => answer,
            }
        };
        let errors = self.errors(Doing::Write).about(name);
        let written = self.answer(errors, Doing::Write, work).await?;
        let number = u64::try_from(written.version).ok().filter(|number| *number > 0);
        number.ok_or_else(|| errors.of(StoreErrorKind::Nonsense, "an answer without the number of a version"))
    }

    /// Deletes.
    pub(super) async fn delete(&self, name: &PayloadName) -> Result<(), StoreError> {
        let sdk = self.sdk().await?;
        let asked = name.0.clone();
        let work = async move { sdk.delete_parameter().name(asked).send().await };
        self.answer(self.errors(Doing::Write).about(name), Doing::Write, work).await.map(drop)
    }

    async fn sdk(&self) -> Result<aws_sdk_ssm::Client, StoreError> {
        if let Some(sdk) = self.sdk.get() {
            return Ok(sdk.clone());
        }
        let sdk = aws_sdk_ssm::Client::new(self.aws.sdk_config().await?);
        Ok(self.sdk.get_or_init(|| sdk).clone())
    }

    async fn answer<T, E>(
        &self,
        errors: Errors<'_>,
        doing: Doing,
        work: impl Future<Output = Result<T, Failed<E>>> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + Send + 'static,
    {
        let answer = self.aws.net().call(work).await.map_err(|unanswered| errors.unanswered(unanswered))?;
        answer.map_err(|error| meaning(&errors, doing, &error))
    }

    /// One outcome per name of a batch.
    fn sort(&self, asked: Vec<String>, answer: Batch, outcomes: &mut BTreeMap<PayloadName, Asked>) {
        let errors = self.errors(Doing::Read);
        match answer {
            Ok((found, absent)) => {
                let mut found: BTreeMap<String, Parameter> =
                    found.into_iter().filter_map(|one| Some((one.name.clone()?, one))).collect();
                for name in asked {
                    let outcome = match found.remove(&name) {
                        Some(parameter) => Asked::Found(parameter),
                        None if absent.contains(&name) => Asked::Absent,
                        None => {
                            let detail = format!("the service did not answer for {name}");
                            let name = PayloadName(name.clone());
                            Asked::Failed(errors.about(&name).of(StoreErrorKind::Nonsense, detail))
                        }
                    };
                    outcomes.insert(PayloadName(name), outcome);
                }
            }
            Err(error) => {
                for name in asked.into_iter().map(PayloadName) {
                    let failed = Asked::Failed(meaning(&errors.about(&name), Doing::Read, &error));
                    outcomes.insert(name, failed);
                }
            }
        }
    }

    fn single(&self, name: &PayloadName, answer: Result<Option<Parameter>, Failed<GetParameterError>>) -> Asked {
        let errors = self.errors(Doing::Read).about(name);
        match answer {
            Ok(Some(parameter)) => Asked::Found(parameter),
            Ok(None) => Asked::Failed(errors.of(StoreErrorKind::Nonsense, "an answer without a parameter")),
            Err(error) if is_absent(code(&error)) => Asked::Absent,
            Err(error) => Asked::Failed(meaning(&errors, Doing::Read, &error)),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("aws", &self.aws).finish_non_exhaustive()
    }
}

impl Values {
    /// The parameter as it goes on: a value that was not decrypted is nobody's business, and a String's is not asked
    /// for; it is wiped.
    fn of(self, mut parameter: Parameter) -> Parameter {
        if self == Self::Dropped {
            drop(parameter.value.take().map(Zeroizing::new));
        }
        parameter
    }
}

/// Batches of names, side by side.
async fn batches(sdk: &aws_sdk_ssm::Client, asked: Vec<Vec<String>>, values: Values) -> Vec<(Vec<String>, Batch)> {
    let one = |names: Vec<String>| {
        let request = sdk.get_parameters().set_names(Some(names.clone()));
        let request = request.with_decryption(values == Values::Decrypted);
        async move {
            let answer = request.send().await.map(|answer| {
                let found = answer.parameters.unwrap_or_default().into_iter().map(|one| values.of(one)).collect();
                (found, answer.invalid_parameters.unwrap_or_default())
            });
            (names, answer)
        }
    };
    concurrently(SIDE_BY_SIDE, asked.into_iter().map(one).collect::<Vec<_>>()).await
}

fn tag((key, value): (&String, &String)) -> Option<Tag> {
    // Both members are there, so it can be built.
    Tag::builder().key(key).value(value).build().ok()
}
