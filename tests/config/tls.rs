//! The files that TLS needs: every way in which they can be wrong is one line that names the key, the file and what to do.

use rcgen::{CertificateParams, KeyPair};
use seclyzer::config::{Loaded, read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with a certificate, its key, another key, and files that are neither.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Files {
        let files = Files { folder: tempfile::tempdir().unwrap() };
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let broken = certificate.replacen("MII", "M!I", 1);
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let strange = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let key = key.serialize_pem();
        for (name, text, mode) in [
            ("cert", certificate.as_str(), 0o644),
            ("key", key.as_str(), 0o600),
            ("open-key", key.as_str(), 0o640),
            ("other-key", &other.serialize_pem(), 0o400),
            ("text", "a key, perhaps", 0o600),
            ("broken", &broken, 0o600),
            ("damaged", damaged, 0o600),
            ("encrypted", encrypted, 0o600),
            ("strange", strange, 0o600),
        ] {
            std::fs::write(files.path(name), text).unwrap();
            std::fs::set_permissions(files.path(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration of that text, in which `@` stands for the folder; an error without it.
    fn read(&self, text: &str) -> Result<Loaded, String> {
        let folder = self.folder.path().to_str().unwrap();
        std::fs::write(self.path("c.toml"), text.replace('@', folder)).unwrap();
        std::fs::set_permissions(self.path("c.toml"), PermissionsExt::from_mode(0o600)).unwrap();
        read(Some(&self.path("c.toml")), &[("HOME".to_owned(), folder.into())].into())
            .map_err(|error| error.to_string().replace(folder, "@"))
    }
}

#[test]
fn certificates_and_keys_of_both_servers_are_read_from_their_files() {
    let files = Files::new();
    let tls = "tls_ca = \"@/cert\"\ntls_cert = \"~/cert\"\ntls_key = \"@/key\"";
    let influx = "[influx]\nurl = \"HTTPS://h\"\nbucket = \"b\"\ntoken = \"t\"";
    let config = files.read(&format!("[redis]\nurl = \"rediss://h\"\n{tls}\n{influx}\n{tls}")).unwrap().config;
    for tls in [config.redis.tls, config.influx.tls] {
        assert_eq!((tls.ca.clone(), tls.key.clone()), (Some(files.path("cert")), Some(files.path("key"))));
        let read = tls.read().unwrap();
        assert!(read.ca.is_some() && read.identity.is_some());
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_what_would_be_right() {
    let files = Files::new();
    let begin = "a PEM file with -----BEGIN CERTIFICATE-----";
    for (settings, told) in [
        ("tls_ca = \"@/none\"", "tls_ca: @/none: No such file or directory (os error 2); a PEM file".to_owned()),
        ("tls_ca = \"@\"", "tls_ca: @: not a regular file; a PEM file".into()),
        ("tls_ca = \"@/text\"", format!("tls_ca: @/text: no certificate in it; {begin}")),
        ("tls_ca = \"@/key\"", format!("tls_ca: @/key: no certificate in it; {begin}")),
        ("tls_cert = \"@/text\"\ntls_key = \"@/key\"", format!("tls_cert: @/text: no certificate in it; {begin}")),
        ("tls_cert = \"@/cert\"", "tls_cert: set without SECTION.tls_key; both or neither".into()),
        ("tls_key = \"@/key\"", "tls_key: set without SECTION.tls_cert; both or neither".into()),
    ] {
        for (section, url) in [("redis", "rediss://h"), ("influx", "https://h")] {
            let error = files.read(&format!("[{section}]\nurl = \"{url}\"\n{settings}")).unwrap_err();
            let expected = format!("@/c.toml:3: {section}.{}", told.replace("SECTION", section));
            assert_eq!(error, expected, "{settings}");
        }
    }
    for (ca, begin) in [("broken", "@/broken: not PEM ("), ("damaged", "@/damaged: certificate 1 is damaged (")] {
        let error = files.read(&format!("[redis]\nurl = \"rediss://h\"\ntls_ca = \"@/{ca}\"")).unwrap_err();
        assert!(error.starts_with(&format!("@/c.toml:3: redis.tls_ca: {begin}")), "{error}");
    }
}

#[test]
fn a_key_must_be_its_owners_alone_unencrypted_and_that_of_the_certificate() {
    let files = Files::new();
    for (key, told) in [
        ("none", "@/none: No such file or directory (os error 2); a PEM file"),
        ("open-key", "@/open-key: others may read it; chmod 600 @/open-key"),
        ("other-key", "@/other-key: not the key of the first certificate in @/cert"),
        ("text", "@/text: no private key in it; a PEM file with -----BEGIN PRIVATE KEY-----"),
        ("encrypted", "@/encrypted: the key is encrypted; a key without a passphrase, in a file of mode 600"),
        ("strange", "@/strange: not a key for RSA, ECDSA or Ed25519"),
    ] {
        let settings = format!("tls_cert = \"@/cert\"\ntls_key = \"@/{key}\"");
        let error = files.read(&format!("[redis]\nurl = \"rediss://h\"\n{settings}")).unwrap_err();
        assert_eq!(error, format!("@/c.toml:4: redis.tls_key: {told}"));
    }
}

#[test]
fn a_certificate_for_a_url_without_tls_is_a_mistake() {
    let files = Files::new();
    for (section, url, scheme) in [
        ("redis", "redis://h", "rediss://"),
        ("redis", "unix:///run/redis.sock", "rediss://"),
        ("influx", "http://h", "https://"),
    ] {
        for key in ["tls_ca = \"@/cert\"", "tls_key = \"@/key\""] {
            let error = files.read(&format!("[{section}]\nurl = \"{url}\"\n{key}")).unwrap_err();
            let name = key.split(' ').next().unwrap();
            let told = format!("set for a URL without TLS; a URL that begins with {scheme}");
            assert_eq!(error, format!("@/c.toml:3: {section}.{name}: {told}"));
        }
    }
}

#[test]
fn the_files_of_a_server_that_is_off_are_not_asked_for() {
    let files = Files::new();
    let nowhere = "enabled = false\ntls_ca = \"/nowhere\"";
    files.read(&format!("[redis]\n{nowhere}\n[influx]\n{nowhere}")).unwrap();
    let error = files.read(&format!("[redis]\naccept_events = true\nurl = \"rediss://h\"\n{nowhere}")).unwrap_err();
    assert!(error.contains("redis.tls_ca: /nowhere: "), "{error}");
}
