//! A target with a certificate of X.509 version 1, as old installations made them.

use std::sync::Arc;

use portcullis_proxy::protocol::postgres::upstream::{ConnectFailed, Connector, Login};
use portcullis_proxy::session::ports::{TlsMode, Upstream};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::login::credential;

/// `openssl x509 -req -signkey` without extensions, and its key.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJzCBzQIUUzawtiQf05EDWjlqK7bgZIskp0owCgYIKoZIzj0EAwIwFTETMBEG
A1UEAwwKb2xkIHNlcnZlcjAgFw0yNjExMjExNjIxMjNaGA8yMTI2MTAyODE2MjEy
M1owFTETMBEGA1UEAwwKb2xkIHNlcnZlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABE15SPSZa8ag8mBx9+cWG5OnKTIYrLAJyj1ULe+B/E/ysml3yHiprIh2E8sI
9mZuwvm/l4a3b0DOtr2dO28N8yQwCgYIKoZIzj0EAwIDSQAwRgIhAPDMX141EqHq
jDzgFmURSM/YEEskzB9l5PoplDR6Y6vLAiEAlih9vMERjCKLQC2S0nCsxNF3Y19l
m8lLH++FLF4Dtok=
-----END CERTIFICATE-----
";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4i6LYQ7NZN+thKUD
bz9dvSLgv1S8Cc2mRWe6VK27lsGhRANCAARNeUj0mWvGoPJgcffnFhuTpykyGKyw
Cco9VC3vgfxP8rJpd8h4qayIdhPLCPZmbsL5v5eGt29Azra9nTtvDfMk
-----END PRIVATE KEY-----
";

/// Not the certificate's.
const OTHER_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg09lfm7i5p3fTktPZ
FEiwmjE34T0m+EoFhsZx+S4w3NyhRANCAATAbc/oX2rkaeRw19qndTd6yn6FZtu4
9FiGF9WLkDTqaK2KAX+X3TqI4cAFeEaEohn/rzFaKVluOK1zfvX3o+dl
-----END PRIVATE KEY-----
";

/// The same with RSA, which signs by PKCS #1 under TLS 1.2.
const RSA_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIICszCCAZsCFGb0KlbCBaJLRfiSNyNcPSVx517JMA0GCSqGSIb3DQEBCwUAMBUx
EzARBgNVBAMMCm9sZCBzZXJ2ZXIwIBcNMjYxMTIxMjEyMjM2WhgPMjEyNjEwMjgy
MTIyMzZaMBUxEzARBgNVBAMMCm9sZCBzZXJ2ZXIwggEiMA0GCSqGSIb3DQEBAQUA
A4IBDwAwggEKAoIBAQC8soxATJinRW0mVe+FIUNNL2b46cMx5MC7RxKk8L6ZY9Zh
C64D9FqkuOO6FXoxIiX1bV54pKMvD62QPeep4sWaqA+dGQY2N1D3zUtaV1UqqQY/
pxIcZEM3jkURNwseyQJbockd38xA9ioVywpjeVubWNoQV3zfH1xZx3Y9bkTDREUz
P0nZXxiiLKfhqyUccrirvLhf87mq2WeuP3lW15WibiPMB3WikBlKEXO/mzW5N5sU
p9mLXTsNiVdjYGoYzrXRfPVfjT1GWDFtBkpTrT6Qs120ZdLxXI+otrUW7p/WhdOW
UkMdOnTUm4Umc2S3+TEqehin5CY4AZp3+/dJFrx7AgMBAAEwDQYJKoZIhvcNAQEL
BQADggEBAHvMnLp1jxyEXSawwHr5aTjjpY92krgnsiuKWQU9EH+zmj/dpwsoK/vB
tJqFLde1obcstdLK8A0yJU2H5ZMKJF5hCOzn3Jl+e2DMGst4E9Kj72/ygIPF4wyh
+oHQvgyEcCZ3FC2ywwVJIUHlNkkOETOWUDayAM7b1XRQXUeXxO7+U5Ru1LN2ZasX
+Op9HeMxvwRbYIOmm8idMI2A3U9Aa4jo1LDCjNJd58oLjl+zXjOPfj9yVoUJH9NI
/CUKwDOgAnOqoA//5U6K1lOxnc0dDS/IdZ5C2eimmbiW02N8HZRDuaAWfb0B56nx
dCPQ9XhjNr5HS0HtUDoa8bX9DA6iJrc=
-----END CERTIFICATE-----
";
const RSA_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC8soxATJinRW0m
Ve+FIUNNL2b46cMx5MC7RxKk8L6ZY9ZhC64D9FqkuOO6FXoxIiX1bV54pKMvD62Q
Peep4sWaqA+dGQY2N1D3zUtaV1UqqQY/pxIcZEM3jkURNwseyQJbockd38xA9ioV
ywpjeVubWNoQV3zfH1xZx3Y9bkTDREUzP0nZXxiiLKfhqyUccrirvLhf87mq2Weu
P3lW15WibiPMB3WikBlKEXO/mzW5N5sUp9mLXTsNiVdjYGoYzrXRfPVfjT1GWDFt
BkpTrT6Qs120ZdLxXI+otrUW7p/WhdOWUkMdOnTUm4Umc2S3+TEqehin5CY4AZp3
+/dJFrx7AgMBAAECggEAFLNLooQknPkHS9TSlVq8TNvd4oGWecM8B295EqIcbqxe
qL/Ew8dLKFXmGZRglsJFwsJQQlDhW/jO1AuOffsULW6xY80Keukfl0estAjvnWH0
fwgfewDexNn1JrnQnPx1J0M80muqNxgqLsDa72WxUH3zUiae2sVQdsLkbEHMBlWn
JnpttAW2j1dftSiQNLIyG7YW4XKeURLmK9FyDnDVRAob2I3ruE/YTNQpjNy2vdB9
gJe+rpNixOR+Tf5b9iH8Bb5tmNgzDG9z5X1R+EzCRNmo5pvdO8S+Wht7AVNsi8y5
VnKrAb6eR2xe2Ezl3Me8lKfeAjnvlsKTYVmWjRuT0QKBgQDqAfGEAPCPf9X5HoXu
02230aTAsN4zjjfO4RrfJFCHhMfvioz/J25igPshW0K546sfmqzVgXhbB3080FQW
cA60r9JUASILcW7m4j88+LZWv38XwK+gHERx+pbtJKj41IiW9A9G1YtO9a9oCN1a
3c87Bs0YAd4ocq6qFQd2Y5IF6wKBgQDObnmCmjp+DurFvuqNtc3NB07e+JP05c5L
GRt9xNMopd7AvUIfO/9QLSVDdCnsWlIg0R78w2gYHQE3/JU4q0MkKUCvmiPFFOXc
bZJawwBbXA7gX0Eyr2wcFUj1A7jmipZzcgf3ubHjjOUpJRKkHYMObXBEoz98dIrk
I+U2rv+vsQKBgE8r2yebHcifKqi/X/b+h4eCoWgkLvloa49N78aBRdGj5fUwfiWx
lJI1K0IM21WDJplpvoH57Nt3fDLAFUMGJKOTPOj4/Si79xacg2LAjwhof7pskb7s
8WdSrg+LsLOHTLMt3aFMjHZpfzAGl8Wvd/ZzhZ5Su3QZ4OhgdwbiBzyDAoGAGUMD
s6vUBKEmsdRPN9BLww9l43tf/9Qvjpkf+CAiBxNlUwjWEqRw9grQSJTqnHXhHwr4
U85F6s2B3KwYRrsOmFpEBDlEr1WDW5o9EsZSQNvfJi4B+IXnIPip2PH/qpbDGpWV
zAb5cfNIB+T1hwflhdp2pq+jkUNhy9Fot2xq9cECgYEAhwGn8UZqJs6kUxe1xbXJ
4bc7eRFor7/zlVGDWrRjz1S5lQHsvCsi5ZQZllg6t6FvC38EKP5Xj6nJsYUUUOhW
eig+22e8g1hd7wuqD+Zpv2pfB7AkpYDesFhfuAtP78E+6aspbpIwqaeUgZ/gQXX5
U7DVuYKvZYwzKhIrNps2h9U=
-----END PRIVATE KEY-----
";

/// Not that certificate's.
const OTHER_RSA_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDmDJot86sX3mdA
IiE5cgGYF+bCUkGvgrjk8ofPIU1UCE70fyrw9R41IOcaM1YuRNmiDvSqp+znwx1h
YEYjz6bx3vn/DkSDerNg8dWV89w2d8GsoIrXn+tPWanlE41bh+ndMBSfJHIB93c9
o0OlM057oQmDxlLMEjHoXuCkG/+XdrZxL7DVbvR7IZr0a5K13Wcjs2d7ukXHZ4ed
PpiWxx2zfoFUffAXVCx7V6rIPdqfBamrMbicpl3zw4QfAZiCJftiJyBn3tDccIbQ
sCx0VaYmJ9lVkA8u/RrYHdF/+uH9AYdCJiwnB4LFrQ5BtqB64+24d/hznpkuMGZ6
ItPx0Kc5AgMBAAECggEAI+7of1B+E1CfPpaGK4eqBZSILCa2kWBhGovimEE6p6tT
j9+0OKaE9SYCSyalKb2B5A0jfOuVdt8UfgMQeaQEDug2EveqzoGyNqyXoOBSL6TV
mO4LueIGGqMmBTzgWeF5L15E/lWuRC3gD33qwUlqEygEiTOHd85IwuPdAW1JJ2Jt
C2zTXEhnddEyQ/sc4J/8pWIVTIP96O/4NJVqTcH+cdvDckj/TyvPRG/ldCTxRZ9N
NdYcvbYPQVcB00hdqzR6CKy1UmE9tMBMvgeyWb66D7M463eJtoEWlAk+oxLcVZgB
BX6dmijFjDPll+0w1NAk+bV6u0Szjm8BMwMR+Ts9fQKBgQD2IofyEaxJAcahXocQ
eaVkMIpUIlNDeSi98UkNdwDGHMqB4dRikF2igP8Pykt/h7DImHfDoznGc0oTayUN
hKLbZlk1Cp71SlCQ50Ds/2VS7mne6NLz3kfKZO1CF2xlczep999gUpgZWU5dKSiE
fqpj1vTbDYk8MjxYqZH+Qmu7nQKBgQDvRQYxaS5qrEYcKSradRCy0kgjG6aH8Y5t
oPCtDJ+uWeW5iXiQ8VzSrqycHcc069Dfa08W/usdMmFqfk1eEWicTO/C78z2fFyO
E6/fEkfQXZQJcyXl4OWAoxv8oP5JaSA+xWfsTVBwyFTrNM6V+U/bcq2ZO1vr1rI8
aqU6ondNTQKBgQC8sh5sy3W8hrsDzZdYXxoX5Eq4U5Rn3wQIEmoCA6C5QStTRZFw
euL+CU0BiwI0ZA94ycLPXlyVsp8woezHH09HSoDLdDgHLxDy9gdFaksAuDy8ItxP
D7MUDCoEiDaW1CzxhlFe5BMtI9U7AKnKYd05K3uOUCNM3ep7woxlVACJ1QKBgQDI
xkHBGoKRjoeyP7Uu5QajFyLjGuOttTuPsHnkq/AeLF9BRiK+dVovi9VZlv8+4BZA
M9qE8Fm4ATuPUfZ31eHTLhgOmoyB1K8RpWFxrPRH2w5Ks638bLAINlZYsXtPfIBL
S/i9Z871JJVlXMVxQWgKO/uB1jZ2+oxLeC23uvajDQKBgHArkOESqZtjjzsUnN+5
5FxRKtM4ums0KFf3wCRTwNsdNoQ2r+zVZpK6spo+s1QcfsebO3Cfzv/Y8+owmxUm
k/rAWAJ94jcvVsPZjYThECPU9F6C1Dt0S3Iz9w7s3R++yFI/phUQYTvr2tHO/DOx
6kXGgQBQRmGmJOdkMJrzdEW9
-----END PRIVATE KEY-----
";

/// Shows the certificate and signs with this key, whether or not it is the certificate's.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Takes one connection to its start-up packet, and leaves. Tells the port, and how many bytes came
/// through TLS.
async fn target(
    (certificate, key): (&str, &str),
    only: &'static SupportedProtocolVersion,
) -> (u16, tokio::task::JoinHandle<usize>) {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let shown = CertifiedKey::new(vec![certificate], any_supported_type(&key).unwrap());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[only])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(shown))));
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let took = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.read_exact(&mut [0; 8]).await.unwrap();
        tcp.write_all(b"S").await.unwrap();
        match TlsAcceptor::from(Arc::new(config)).accept(tcp).await {
            Ok(mut tls) => tls.read(&mut [0; 1024]).await.unwrap_or_default(),
            Err(_) => 0,
        }
    });
    (port, took)
}

async fn connect(port: u16, tls: TlsMode) -> ConnectFailed {
    let to = Upstream {
        host: "127.0.0.1".to_owned(),
        port,
        database: "postgres".to_owned(),
        databases: Vec::new(),
        tls,
        ca: Some(vec![
            CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap(),
        ]),
        server_name: None,
    };
    let login = Login {
        database: "postgres",
        minor: 0,
        parameters: &[],
    };
    let with = Arc::new(credential("trusted", None));
    let connected = Connector::new().connect(&to, &with, &login).await;
    connected.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn require_takes_any_certificate_whose_key_signs() {
    for (certificate, key, other) in [
        (CERTIFICATE, KEY, OTHER_KEY),
        (RSA_CERTIFICATE, RSA_KEY, OTHER_RSA_KEY),
        (RSA_CERTIFICATE, RSA_KEY, OTHER_KEY),
    ] {
        for only in [&version::TLS12, &version::TLS13] {
            let (port, took) = target((certificate, key), only).await;
            let failed = connect(port, TlsMode::Require).await;
            assert!(!matches!(failed, ConnectFailed::Tls(_)), "{failed}");
            assert!(took.await.unwrap() > 8);

            let (port, took) = target((certificate, other), only).await;
            let failed = connect(port, TlsMode::Require).await;
            assert!(matches!(failed, ConnectFailed::Tls(_)), "{failed}");
            assert_eq!(took.await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn where_certificates_are_checked_version_1_is_refused() {
    for shown in [(CERTIFICATE, KEY), (RSA_CERTIFICATE, RSA_KEY)] {
        for only in [&version::TLS12, &version::TLS13] {
            let (port, took) = target(shown, only).await;
            let failed = connect(port, TlsMode::VerifyCa).await;
            let ConnectFailed::Tls(why) = failed else {
                panic!("{failed}");
            };
            assert_eq!(
                why,
                "invalid peer certificate: Other(OtherError(UnsupportedCertVersion))"
            );
            assert_eq!(took.await.unwrap(), 0);
        }
    }
}
