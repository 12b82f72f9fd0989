//! The HTTP client of the SDK. Reads the file that `AWS_CA_BUNDLE` names.

use std::{env, fs};

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, runtime_components::RuntimeComponents};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::ConfigurationError;
use crate::aws::error::BoxError;

/// Idle connections to one host. After a burst of calls the SDK's own client keeps each of them, with up to 100 KiB of
/// buffers.
const IDLE_CONNECTIONS: usize = 8;

/// Like the SDK's own client, but it keeps few idle connections, and where `AWS_CA_BUNDLE` is set, it trusts the
/// certificates in that file and no others, as AWS's other tools do.
pub(super) fn client() -> Result<SharedHttpClient, ConfigurationError> {
    let context = match env::var("AWS_CA_BUNDLE").ok().filter(|path| !path.trim().is_empty()) {
        Some(path) => trusting(&path).map_err(|error| ConfigurationError::CaBundle(path, error))?,
        None => TlsContext::default(),
    };
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .proxy_config(ProxyConfig::from_env())
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    }))
}

fn trusting(path: &str) -> Result<TlsContext, BoxError> {
    let pem = fs::read(path)?;
    check(&pem)?;
    Ok(TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(pem)).build()?)
}

/// The SDK panics on certificates that can't be read.
fn check(pem: &[u8]) -> Result<(), BoxError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() { Err("it holds no certificate".into()) } else { Ok(()) }
}
