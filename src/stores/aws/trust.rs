//! Which certificates count: those of the system, or those a variable names in their place.
//!
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's for every program that follows OpenSSL; `AWS_CA_BUNDLE` does
//! so for Amazon's own tools: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>.

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::env;

/// What is trusted.
///
/// # Errors
/// The variable, by its name, that names no certificates.
pub(super) fn context() -> Result<TlsContext, &'static str> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    let store = if let Some(path) = named("SSL_CERT_FILE") {
        let text = std::fs::read(path).map_err(|_| "SSL_CERT_FILE")?;
        if named("SSL_CERT_DIR").is_none() && !certificates(&text).any(|good| good) {
            return Err("SSL_CERT_FILE");
        }
        // The connector reads the file itself, and passes over what in it is no certificate.
        TrustStore::default()
    } else if let Some(path) = named("AWS_CA_BUNDLE") {
        let text = std::fs::read(path).map_err(|_| "AWS_CA_BUNDLE")?;
        let mut count = 0;
        if !certificates(&text).inspect(|_| count += 1).all(|good| good) || count == 0 {
            return Err("AWS_CA_BUNDLE");
        }
        TrustStore::empty().with_pem_certificate(text)
    } else {
        TrustStore::default()
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    Ok(context.expect("a trust store is all that a context is made of"))
}

/// Whether each certificate of a text can be used.
fn certificates(text: &[u8]) -> impl Iterator<Item = bool> {
    CertificateDer::pem_slice_iter(text).map(|found| match found {
        Ok(certificate) => RootCertStore::empty().add(certificate).is_ok(),
        Err(_) => false,
    })
}
