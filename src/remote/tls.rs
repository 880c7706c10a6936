//! What a server that asks for a certificate says of ours.

use crate::config::Tls;

/// Whether a TLS error means that the server did not accept who we are, and how to say so. Only texts say it: the
/// errors of two versions of rustls come through two libraries.
pub fn refusal(text: &str, ours: &Tls) -> Option<&'static str> {
    let alert = text.split("received fatal alert: ").nth(1)?;
    let name = alert.split(|c: char| !c.is_alphanumeric()).next()?;
    match name {
        "CertificateRequired" => Some("the server asks for a certificate: tls_cert and tls_key"),
        // All that a server says with TLS 1.2, of a certificate that is missing as of anything else.
        "HandshakeFailure" if ours.cert.is_none() => {
            Some("the server ends the handshake; it probably asks for a certificate: tls_cert and tls_key")
        }
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
    use super::*;

    #[test]
    fn only_what_the_server_says_of_our_certificate_is_a_refusal() {
        let none = Tls::default();
        let text = "error sending request: connection error: received fatal alert: CertificateRequired";
        assert!(refusal(text, &none).is_some_and(|what| what.contains("tls_cert")));
        assert!(refusal("received fatal alert: UnknownCA (48)", &none).is_some());
        assert_eq!(refusal("invalid peer certificate: UnknownIssuer", &none), None, "that is its own");
        assert_eq!(refusal("received fatal alert: InternalError", &none), None);
        let text = "received fatal alert: HandshakeFailure";
        assert!(refusal(text, &none).is_some_and(|what| what.contains("tls_cert")));
        let ours = Tls { cert: Some("cert.pem".into()), key: Some("key.pem".into()), ca: None };
        assert_eq!(refusal(text, &ours), None, "it is not for want of a certificate");
    }
}
