//! The files that TLS needs besides the system's certificates: read and checked here, at the start and again before
//! each connection, since certificates are renewed while the agent runs.

use super::error::shell_word;
use super::file::OTHERS;
use super::system::ThisMachine;
use super::{Machine, SecretFile};
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Which files these are; all of them PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that may vouch for the server, instead of the system's.
    pub ca: Option<PathBuf>,
    /// What we show to a server that asks who we are; set together with the key.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// What the files contain.
#[derive(Default)]
pub struct TlsFiles {
    pub ca: Option<Vec<u8>>,
    pub identity: Option<TlsIdentity>,
}

pub struct TlsIdentity {
    pub cert: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
}

/// What is wrong with one of the files.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {}: {problem}", path.display())]
pub struct TlsError {
    /// The key that names the file, without its section.
    pub key: &'static str,
    pub path: PathBuf,
    pub problem: String,
}

impl Tls {
    /// Whether only the system's certificates are needed.
    pub fn is_empty(&self) -> bool {
        *self == Tls::default()
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.ca, &self.cert, &self.key].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Reads the files of this machine, and checks them.
    pub fn read(&self) -> Result<TlsFiles, TlsError> {
        self.read_from(&ThisMachine)
    }

    pub(super) fn read_from(&self, machine: &dyn Machine) -> Result<TlsFiles, TlsError> {
        let error = |key, path: &Path, problem| TlsError { key, path: path.to_owned(), problem };
        let ca = match &self.ca {
            Some(path) => Some(authorities(path, machine).map_err(|problem| error("tls_ca", path, problem))?),
            None => None,
        };
        let (Some(cert_path), Some(key_path)) = (&self.cert, &self.key) else {
            return Ok(TlsFiles { ca, identity: None });
        };
        let (cert, chain) = chain(cert_path, machine).map_err(|problem| error("tls_cert", cert_path, problem))?;
        let key = private_key(key_path, cert_path, chain, machine);
        let key = key.map_err(|problem| error("tls_key", key_path, problem))?;
        Ok(TlsFiles { ca, identity: Some(TlsIdentity { cert, key }) })
    }
}

fn authorities(path: &Path, machine: &dyn Machine) -> Result<Vec<u8>, String> {
    let (text, certificates) = chain(path, machine)?;
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store.add(certificate).map_err(|error| format!("certificate {} is damaged ({error})", index + 1))?;
    }
    Ok(text)
}

/// The file's text, and the certificates in it: at least one.
fn chain(path: &Path, machine: &dyn Machine) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), String> {
    let (text, _) = contents(path, machine)?;
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("no certificate in it; a PEM file with -----BEGIN CERTIFICATE-----".into())
        }
        Ok(certificates) => Ok((text.to_vec(), certificates)),
        Err(error) => Err(format!("not PEM ({error}); a PEM file with -----BEGIN CERTIFICATE-----")),
    }
}

fn private_key(
    path: &Path,
    cert_path: &Path,
    chain: Vec<CertificateDer<'static>>,
    machine: &dyn Machine,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let (text, mode) = contents(path, machine)?;
    if mode & OTHERS != 0 {
        return Err(format!("others may read it; chmod 600 {}", shell_word(path)));
    }
    if text.windows(9).any(|word| word == b"ENCRYPTED") {
        return Err("the key is encrypted; a key without a passphrase, in a file of mode 600".into());
    }
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| "no private key in it; a PEM file with -----BEGIN PRIVATE KEY-----")?;
    let provider = default_provider();
    // The provider's own text would describe the key.
    let signing = provider.key_provider.load_private_key(key).map_err(|_| "not a key for RSA, ECDSA or Ed25519")?;
    CertifiedKey::new(chain, signing)
        .keys_match()
        .map_err(|_| format!("not the key of the first certificate in {}", cert_path.display()))?;
    Ok(text)
}

/// With the permission bits.
fn contents(path: &Path, machine: &dyn Machine) -> Result<(Zeroizing<Vec<u8>>, u32), String> {
    match machine.read_secret(path) {
        Ok(SecretFile::Regular { mode, bytes }) => Ok((bytes, mode)),
        Ok(SecretFile::Other) => Err("not a regular file; a PEM file".into()),
        Err(error) => Err(format!("{error}; a PEM file")),
    }
}
