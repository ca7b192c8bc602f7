//! From an open connection to the first ReadyForQuery.

use bytes::BytesMut;
use md5::{Digest, Md5};
use portcullis_dialect::postgres::wire::backend::{Authentication, Backend, tag};
use portcullis_dialect::postgres::wire::write;
use zeroize::Zeroizing;

use super::failed::ConnectFailed;
use super::link::{Link, body};
use super::query::ServerReport;
use super::scram::{First, Last, ScramFailed};
use super::tls::Binding;
use super::{Connected, Login};
use crate::hex::hex;
use crate::io::Stream;
use crate::secret::Secret;
use crate::session::ports::{Credential, TlsMode};

/// Largest message that a target may send while we log in.
pub const MAX_LOGIN_FRAME: usize = 64 * 1024;

/// Most parameters that a target may report at start-up.
pub const MAX_PARAMETERS: usize = 256;

/// Parameters that the proxy alone sets, whatever a client sent.
const OURS: [&[u8]; 3] = [b"user", b"database", b"replication"];

/// How far the proof of ourselves has come.
#[derive(Debug)]
enum Proof {
    NotAsked,
    /// A password, in clear or as md5, is sent.
    Sent,
    ScramBegun(First),
    ScramSent(Last),
    /// The target has proved itself too.
    ScramDone,
}

struct Exchange<'a> {
    link: Link<'a, Stream>,
    credential: &'a Credential,
    binding: &'a Binding,
    mode: TlsMode,
    database: &'a str,
}

pub(super) async fn log_in(
    mut stream: Stream,
    binding: Binding,
    mode: TlsMode,
    credential: &Credential,
    login: &Login<'_>,
) -> Result<Connected, ConnectFailed> {
    let mut ahead = BytesMut::new();
    let mut exchange = Exchange {
        link: Link {
            stream: &mut stream,
            ahead: &mut ahead,
        },
        credential,
        binding: &binding,
        mode,
        database: login.database,
    };
    exchange.link.send(&start_packet(credential, login)).await?;
    let minor = exchange.prove(login.minor).await?;
    let (parameters, backend_key) = exchange.settle().await?;
    let server_version_num = parameters
        .iter()
        .find(|(name, _)| name == b"server_version")
        .and_then(|(_, value)| version_number(value))
        .unwrap_or_default();
    Ok(Connected {
        stream,
        ahead,
        parameters,
        backend_key,
        minor,
        server_version_num,
        tls: binding != Binding::NoTls,
    })
}

fn start_packet(credential: &Credential, login: &Login<'_>) -> Vec<u8> {
    let ours: [(&[u8], &[u8]); 2] = [
        (b"user", credential.username.as_bytes()),
        (b"database", login.database.as_bytes()),
    ];
    let theirs = login
        .parameters
        .iter()
        .copied()
        .filter(|(name, _)| !OURS.contains(name));
    let mut packet = Vec::with_capacity(256);
    let code = (3 << 16) | u32::from(login.minor);
    write::startup(&mut packet, code, ours.into_iter().chain(theirs));
    packet
}

// === impl Exchange ===

impl Exchange<'_> {
    /// Proves us to the target, up to AuthenticationOk. Tells the protocol's minor version.
    async fn prove(&mut self, asked: u16) -> Result<u16, ConnectFailed> {
        let mut proof = Proof::NotAsked;
        let mut settled = asked;
        loop {
            let (kind, frame) = self.link.frame(MAX_LOGIN_FRAME).await?;
            match Backend::decode(kind, body(&frame))? {
                Backend::Authentication(Authentication::Ok) => {
                    return match proof {
                        Proof::ScramBegun(_) | Proof::ScramSent(_) => {
                            Err(ScramFailed::NoProof.into())
                        }
                        Proof::NotAsked | Proof::Sent | Proof::ScramDone => Ok(settled),
                    };
                }
                Backend::Authentication(request) => {
                    proof = self.answer(proof, request).await?;
                }
                Backend::NegotiateVersion { minor, .. } if matches!(proof, Proof::NotAsked) => {
                    settled = u16::try_from(minor & 0xffff)
                        .ok()
                        .filter(|minor| *minor <= asked)
                        .ok_or(ConnectFailed::Unexpected(kind))?;
                }
                Backend::Error(fields) => return Err(self.rejected(ServerReport::of(&fields))),
                Backend::Notice(_) => {}
                _ => return Err(ConnectFailed::Unexpected(kind)),
            }
        }
    }

    async fn answer(
        &mut self,
        proof: Proof,
        request: Authentication<'_>,
    ) -> Result<Proof, ConnectFailed> {
        match (proof, request) {
            (Proof::NotAsked, Authentication::Cleartext) => {
                let password = self.bare_password("in clear")?;
                let mut text = Zeroizing::new(password.reveal().to_vec());
                text.push(0);
                self.send_password(&text).await?;
                Ok(Proof::Sent)
            }
            (Proof::NotAsked, Authentication::Md5 { salt }) => {
                let password = self.bare_password("as md5")?;
                let mut text = md5_answer(password, self.credential.username.as_bytes(), salt);
                text.push('\0');
                self.send_password(text.as_bytes()).await?;
                Ok(Proof::Sent)
            }
            (Proof::NotAsked, Authentication::Sasl { mechanisms }) => {
                self.password()?;
                let first = First::choose(mechanisms, self.binding)?;
                let message = first.message();
                let mut data = Vec::with_capacity(128);
                write::string(&mut data, first.mechanism.as_bytes());
                let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
                data.extend_from_slice(&length.to_be_bytes());
                data.extend_from_slice(message.as_bytes());
                self.send_password(&data).await?;
                Ok(Proof::ScramBegun(first))
            }
            (Proof::ScramBegun(first), Authentication::SaslContinue(server)) => {
                let (password, server) = (self.password()?.clone(), server.to_vec());
                // Thousands of hashes: not on a thread that serves others.
                let last = tokio::task::spawn_blocking(move || first.answer(&password, &server))
                    .await
                    .map_err(|_| ConnectFailed::TimedOut("SCRAM"))??;
                self.send_password(last.message.as_bytes()).await?;
                Ok(Proof::ScramSent(last))
            }
            (Proof::ScramSent(last), Authentication::SaslFinal(server)) => {
                last.verify(server)?;
                Ok(Proof::ScramDone)
            }
            (_, Authentication::Other(method)) => Err(ConnectFailed::Method(method)),
            _ => Err(ConnectFailed::Unexpected(tag::AUTHENTICATION)),
        }
    }

    /// From AuthenticationOk to ReadyForQuery.
    async fn settle(&mut self) -> Result<Settled, ConnectFailed> {
        let mut parameters: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut backend_key = None;
        loop {
            let (kind, frame) = self.link.frame(MAX_LOGIN_FRAME).await?;
            match Backend::decode(kind, body(&frame))? {
                Backend::ParameterStatus { name, value } => {
                    parameters.retain(|(known, _)| known != name);
                    if parameters.len() == MAX_PARAMETERS {
                        return Err(ConnectFailed::TooManyParameters(MAX_PARAMETERS));
                    }
                    parameters.push((name.to_vec(), value.to_vec()));
                }
                Backend::BackendKey { pid, key } => backend_key = Some((pid, key.to_vec())),
                Backend::Notice(_) => {}
                Backend::Error(fields) => return Err(self.rejected(ServerReport::of(&fields))),
                Backend::Ready(_) => return Ok((parameters, backend_key)),
                _ => return Err(ConnectFailed::Unexpected(kind)),
            }
        }
    }

    fn password(&self) -> Result<&Secret, ConnectFailed> {
        self.credential
            .password
            .as_ref()
            .ok_or(ConnectFailed::PasswordMissing)
    }

    /// The password for a method that gives it, or all that is needed of it, to whoever reads it.
    fn bare_password(&self, how: &'static str) -> Result<&Secret, ConnectFailed> {
        match self.mode {
            TlsMode::VerifyFull => self.password(),
            TlsMode::VerifyCa | TlsMode::Require | TlsMode::Disable => {
                Err(ConnectFailed::Insecure(how))
            }
        }
    }

    async fn send_password(&mut self, data: &[u8]) -> Result<(), ConnectFailed> {
        let mut packet = Zeroizing::new(Vec::with_capacity(data.len() + 16));
        write::password(&mut packet, data);
        Ok(self.link.send(&packet).await?)
    }

    fn rejected(&self, report: ServerReport) -> ConnectFailed {
        ConnectFailed::Rejected {
            report,
            database: self.database.to_owned(),
        }
    }
}

/// The parameters and the key of a session that is ready.
type Settled = (Vec<(Vec<u8>, Vec<u8>)>, Option<(u32, Vec<u8>)>);

/// `md5` and md5(md5(password, user), salt), all in hexadecimal.
fn md5_answer(password: &Secret, user: &[u8], salt: [u8; 4]) -> Zeroizing<String> {
    let mut inner = Md5::new();
    inner.update(password.reveal());
    inner.update(user);
    let inner = Zeroizing::new(hex(&inner.finalize()));
    let mut outer = Md5::new();
    outer.update(inner.as_bytes());
    outer.update(salt);
    Zeroizing::new(format!("md5{}", hex(&outer.finalize())))
}

/// `15.18 (Debian 15.18-0+deb12u1)` is 150018, `9.6.24` is 90624, `17beta1` is 170000.
fn version_number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let numbers = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    let mut numbers = numbers.split('.').map(str::parse::<u32>);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().and_then(Result::ok).unwrap_or_default();
    let patch = numbers.next().and_then(Result::ok).unwrap_or_default();
    let rest = match major {
        0..10 => minor.checked_mul(100)?.checked_add(patch)?,
        _ => minor,
    };
    major.checked_mul(10_000)?.checked_add(rest)
}

#[cfg(test)]
mod tests;
