//! TLS: whom a stream trusts, and who it says it is. Spec: log-22.

use std::path::Path;
use std::sync::Arc;

use ravelin_telemetry::{Outbox, client_config, deliver};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use tokio::io::duplex;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::delivery::frame;

struct Authority {
    pem: String,
    der: rustls::pki_types::CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Authority { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
}

/// A certificate for a DNS name, and its key.
fn signed(by: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, &by.issuer).unwrap(), key)
}

/// A collector that wants a certificate of its own authority from the firewall.
fn acceptor(own: &Authority, clients: Option<&Authority>) -> TlsAcceptor {
    let (certificate, key) = signed(own, "collector.example");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Sends one message from a profile's directory to a collector; what it got.
async fn sent(profile: &Path, acceptor: TlsAcceptor) -> Result<String, String> {
    let config = client_config(profile).map_err(|e| e.to_string())?;
    let (theirs, ours) = duplex(64 * 1024);
    let name = ServerName::IpAddress(std::net::IpAddr::from([192, 0, 2, 10]).into());
    let client = async {
        let io = TlsConnector::from(config).connect(name, ours).await.map_err(|e| e.to_string())?;
        let outbox = Outbox::default();
        outbox.offer(b"a message"[..].into());
        outbox.close();
        deliver(io, &outbox).await.map_err(|e| e.to_string())
    };
    let server = async {
        let mut io = acceptor.accept(theirs).await.map_err(|e| e.to_string())?;
        let line = frame(&mut io).await.ok_or_else(|| "no message".to_owned())?;
        // It stays until the other end has said goodbye.
        Ok((line, io))
    };
    let (client, server): (_, Result<_, String>) = tokio::join!(client, server);
    match (client, server) {
        (Ok(()), Ok((line, _))) => Ok(line),
        (client, server) => Err(format!("{:?}, {:?}", client.err(), server.err())),
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).unwrap();
}

#[tokio::test]
async fn a_collector_of_the_profile_s_authority_gets_the_message_under_any_name() {
    let (ours, dir) = (authority(), tempfile::tempdir().unwrap());
    write(dir.path(), "ca.pem", &ours.pem);
    assert_eq!(sent(dir.path(), acceptor(&ours, None)).await.as_deref(), Ok("a message"));
}

#[tokio::test]
async fn a_collector_of_another_authority_gets_nothing() {
    let (ours, theirs, dir) = (authority(), authority(), tempfile::tempdir().unwrap());
    write(dir.path(), "ca.pem", &ours.pem);
    let error = sent(dir.path(), acceptor(&theirs, None)).await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn the_firewall_shows_its_own_certificate_when_it_has_one() {
    let (ours, dir) = (authority(), tempfile::tempdir().unwrap());
    write(dir.path(), "ca.pem", &ours.pem);
    assert!(sent(dir.path(), acceptor(&ours, Some(&ours))).await.is_err());
    let (certificate, key) = signed(&ours, "fw1");
    write(dir.path(), "cert.pem", &certificate.pem());
    write(dir.path(), "key.pem", &key.serialize_pem());
    assert_eq!(sent(dir.path(), acceptor(&ours, Some(&ours))).await.as_deref(), Ok("a message"));
}

#[test]
fn a_profile_that_is_incomplete_or_damaged_is_refused() {
    let (ours, dir) = (authority(), tempfile::tempdir().unwrap());
    let error = || client_config(dir.path()).map(drop).unwrap_err().to_string();
    assert!(error().contains("ca.pem"), "{}", error());
    write(dir.path(), "ca.pem", "nothing\n");
    assert!(error().ends_with("no certificate in it"), "{}", error());
    write(dir.path(), "ca.pem", &ours.pem);
    assert!(client_config(dir.path()).is_ok());
    let (certificate, key) = signed(&ours, "fw1");
    write(dir.path(), "cert.pem", &certificate.pem());
    assert!(error().contains("key.pem"), "{}", error());
    let other = KeyPair::generate().unwrap();
    write(dir.path(), "key.pem", &other.serialize_pem());
    assert!(client_config(dir.path()).is_err(), "certificate and key don't belong together");
    write(dir.path(), "key.pem", &key.serialize_pem());
    assert!(client_config(dir.path()).is_ok());
}
