//! Opens the stores that lie behind a network, each once for a command: its environments share one way there.

use crate::domain::config::StoreEntry;
use crate::domain::environment::{Location, StoreKind, StoreName};
use crate::ports::{Clock, EnvironmentStore, Failure, FailureKind, RequestLog, TimeBudget};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Where the user says that services are to be found, instead of where their vendors have them. All of it is checked:
/// https, or on this machine.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// By the name of the store.
    pub stores: BTreeMap<StoreName, String>,
    /// `AWS_ENDPOINT_URL` and its kin, by their names.
    pub variables: BTreeMap<String, String>,
    /// Addresses that a repository's env file brought into those variables: they are never asked.
    pub planted: Vec<String>,
    /// The variables that decide who asks Google, by their names.
    pub google: BTreeMap<String, String>,
}

impl Endpoints {
    /// Takes what concerns the clouds out of the process's variables.
    pub fn take_sign_in(&mut self, variables: &BTreeMap<String, String>) {
        #[cfg(feature = "gcp")]
        let names = crate::stores::gcp::VARIABLES;
        #[cfg(not(feature = "gcp"))]
        let names: [&str; 0] = [];
        let named = |name: &&str| Some(((*name).to_owned(), variables.get(*name)?.clone()));
        self.google = names.iter().filter_map(named).collect();
    }
}

/// What a cloud's stores are made of.
#[derive(Debug)]
pub struct Clouds {
    endpoints: Endpoints,
    clock: Rc<dyn Clock>,
    budget: Rc<TimeBudget>,
    log: Arc<dyn RequestLog>,
    #[cfg(feature = "net")]
    opened: std::cell::RefCell<BTreeMap<StoreName, Opened>>,
}

impl Clouds {
    /// The clouds of one command.
    #[must_use]
    pub fn new(endpoints: Endpoints, clock: Rc<dyn Clock>, budget: Rc<TimeBudget>, log: Arc<dyn RequestLog>) -> Self {
        Self {
            endpoints,
            clock,
            budget,
            log,
            #[cfg(feature = "net")]
            opened: std::cell::RefCell::default(),
        }
    }

    /// The environment at `location` in a cloud's store. Nothing is contacted.
    ///
    /// # Errors
    /// The program was built without stores of this kind.
    pub fn environment(
        &self,
        name: &StoreName,
        entry: &StoreEntry,
        location: &Location,
    ) -> Result<Rc<dyn EnvironmentStore>, Failure> {
        #[cfg(feature = "net")]
        if let Some(Opened { payloads, names }) = self.open(name, entry) {
            let place = Place { payloads, names, location: location.clone(), clock: Rc::clone(&self.clock) };
            return Ok(Rc::from(layout::environment(entry.layout, place)));
        }
        #[cfg(not(feature = "net"))]
        let _ = (name, location, &self.endpoints.planted, &self.endpoints.google, &self.clock, &self.budget, &self.log);
        Err(left_out(entry.kind))
    }
}

fn left_out(kind: StoreKind) -> Failure {
    Failure::new(FailureKind::Config, format!("this git-envsync was built without {kind} stores"))
        .hint("install one that was built with them")
}

#[cfg(feature = "net")]
use {
    crate::stores::layers::layered,
    crate::stores::layout::{self, NameCodec, Place},
    crate::stores::net::Net,
    crate::stores::payload::PayloadStore,
};

/// A store that was opened.
#[cfg(feature = "net")]
#[derive(Debug, Clone)]
struct Opened {
    payloads: Rc<dyn PayloadStore>,
    names: Rc<dyn NameCodec>,
}

#[cfg(feature = "net")]
impl Clouds {
    fn open(&self, name: &StoreName, entry: &StoreEntry) -> Option<Opened> {
        if let Some(opened) = self.opened.borrow().get(name) {
            return Some(opened.clone());
        }
        let (payloads, names): (Rc<dyn PayloadStore>, Rc<dyn NameCodec>) = match entry.kind {
            #[cfg(feature = "aws")]
            StoreKind::AwsSecretsManager => {
                use crate::stores::aws_secrets::{AwsSecrets, AwsSecretsNames};
                let aws = self.aws(name, entry, "AWS_ENDPOINT_URL_SECRETS_MANAGER");
                (Rc::new(AwsSecrets::new(aws)), Rc::new(AwsSecretsNames))
            }
            #[cfg(feature = "ssm")]
            StoreKind::AwsParameterStore => {
                use crate::stores::aws_parameters::{AwsParameters, AwsParametersNames};
                let aws = self.aws(name, entry, "AWS_ENDPOINT_URL_SSM");
                (Rc::new(AwsParameters::new(aws)), Rc::new(AwsParametersNames))
            }
            #[cfg(feature = "gcp")]
            StoreKind::GcpSecretManager => {
                use crate::stores::gcp::{GcpNames, GcpSecrets};
                (Rc::new(GcpSecrets::new(self.google(name, entry), self.net())), Rc::new(GcpNames))
            }
            _ => return None,
        };
        let payloads = layered(payloads, Rc::clone(&self.clock), Rc::clone(&self.budget));
        let opened = Opened { payloads, names };
        self.opened.borrow_mut().insert(name.clone(), opened.clone());
        Some(opened)
    }

    #[cfg(feature = "aws")]
    fn aws(&self, name: &StoreName, entry: &StoreEntry, variable: &str) -> Rc<crate::stores::aws::Aws> {
        use crate::stores::aws::{Aws, AwsSettings, authority};
        let setting = |setting: &str| entry.settings.get(setting).cloned();
        // Amazon's own programs let the variable of one service come before that of all.
        let directed = |variable: &str| {
            let variables = &self.endpoints.variables;
            variables.get(variable).or_else(|| variables.get("AWS_ENDPOINT_URL")).cloned()
        };
        let personal = self.endpoints.stores.get(name).cloned();
        // What the user names too is theirs, wherever else it stands.
        let is_personal =
            |planted: &str| personal.as_deref().is_some_and(|personal| authority(personal) == authority(planted));
        let barred = self.endpoints.planted.iter().filter(|planted| !is_personal(planted));
        let barred = barred.map(|planted| authority(planted).to_owned()).collect();
        let settings = AwsSettings {
            name: name.to_string(),
            region: setting("region"),
            profile: setting("profile"),
            role_arn: setting("role_arn"),
            kms_key: setting("kms_key"),
            endpoint: personal.or_else(|| directed(variable)),
            sts_endpoint: directed("AWS_ENDPOINT_URL_STS"),
            barred,
        };
        Rc::new(Aws::new(settings, self.net()))
    }

    #[cfg(feature = "gcp")]
    fn google(&self, name: &StoreName, entry: &StoreEntry) -> crate::stores::gcp::GcpSettings {
        crate::stores::gcp::GcpSettings {
            name: name.to_string(),
            project: entry.settings.get("project").cloned(),
            location: entry.settings.get("location").cloned(),
            endpoint: self.endpoints.stores.get(name).cloned(),
            variables: self.endpoints.google.clone(),
        }
    }

    fn net(&self) -> Net {
        Net::new(Rc::clone(&self.budget), Arc::clone(&self.log))
    }
}
