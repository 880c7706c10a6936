//! What a server that asks for a certificate says of ours.

/// Whether a TLS error means that the server did not accept who we are, and how to say so. Only texts say it: the
/// errors of two versions of rustls come through two libraries.
pub fn refusal(text: &str) -> Option<&'static str> {
    let alert = text.split("received fatal alert: ").nth(1)?;
    let name = alert.split(|c: char| !c.is_alphanumeric()).next()?;
    match name {
        "CertificateRequired" => Some("the server asks for a certificate: tls_cert and tls_key"),
        "UnknownCA"
        | "BadCertificate"
        | "UnsupportedCertificate"
        | "CertificateUnknown"
        | "AccessDenied"
        | "DecryptError" => Some("the server does not accept our certificate (tls_cert)"),
        "CertificateExpired" | "CertificateRevoked" => Some("our certificate (tls_cert) is no longer valid"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn only_what_the_server_says_of_our_certificate_is_a_refusal() {
        let text = "error sending request: connection error: received fatal alert: CertificateRequired";
        assert!(refusal(text).is_some_and(|what| what.contains("tls_cert")));
        assert!(refusal("received fatal alert: UnknownCA (48)").is_some());
        assert_eq!(refusal("invalid peer certificate: UnknownIssuer"), None, "that is its own");
        assert_eq!(refusal("received fatal alert: InternalError"), None);
    }
}
