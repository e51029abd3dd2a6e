//! Outgoing mail: SMTP where configured, files in the data directory otherwise.
//!
//! Owns how a mail leaves; what it says belongs to the feature that sends it, and trying again to its job. Addresses
//! and texts are never logged, and no error repeats what a mail server said, which may quote them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::clock::Clock;
use crate::config::Config;

/// The longest wait for one answer of the mail server. Below the deadline of a job that sends one mail.
const SMTP_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections per process; providers refuse clients that open many.
const SMTP_CONNECTIONS: u32 = 4;

/// Longest part of a file's name that comes from the message id; file systems allow 255 bytes in all.
const FILE_NAME_PART: usize = 100;

/// A plain text mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// The address alone, without a name.
    pub to: String,
    /// One line; control characters become spaces.
    pub subject: String,
    /// Lines end with `\n`.
    pub text: String,
    /// Globally unique, without angle brackets: `order-confirmation.mail_01h…@shop.example`. The same mail sent twice
    /// has the same one, so that the receiver can tell; it also names the file, so let it begin with the purpose.
    pub message_id: String,
}

/// Why a mail did not leave. The text quotes neither addresses nor the mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// May pass: try again later.
    #[error("the mail could not be sent now: {0}")]
    Transient(String),
    /// Will not pass: this mail cannot be sent.
    #[error("the mail cannot be sent: {0}")]
    Permanent(String),
}

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    clock: Clock,
    transport: Transport,
}

#[derive(Clone)]
enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Mailer {
    /// By configuration; connects to nothing yet. The clock dates the mails.
    pub fn from_config(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let from = config
            .mail
            .from
            .parse()
            .context("IRONMONGER_MAIL_FROM is no address such as `Ironmonger <shop@example.com>`")?;
        let transport = match &config.mail.smtp_url {
            // The URL holds a password, so the error must not quote it.
            Some(url) => Transport::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(|_| {
                        anyhow::anyhow!(
                            "IRONMONGER_SMTP_URL is no URL such as `smtps://user:secret@mail.example.com`"
                        )
                    })?
                    .timeout(Some(SMTP_TIMEOUT))
                    .pool_config(PoolConfig::new().max_size(SMTP_CONNECTIONS))
                    .build(),
            ),
            None => Transport::Folder(config.data_dir.join("mail")),
        };
        Ok(Self { from, clock, transport })
    }

    /// Hands the mail to the mail server, or writes it into the folder. It may have left although this fails.
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let now = self.clock.now();
        let message = self.message(&mail, now)?;
        match &self.transport {
            Transport::Smtp(server) => server.send(message).await.map(drop).map_err(smtp_error),
            Transport::Folder(folder) => {
                let name = file_name(&mail.message_id, now);
                write_whole(folder, &name, &message.formatted())
                    .await
                    .map_err(|error| MailError::Transient(format!("the folder for mails: {error}")))
            }
        }
    }

    fn message(&self, mail: &Mail, now: DateTime<Utc>) -> Result<Message, MailError> {
        let permanent = |what: &str| MailError::Permanent(what.into());
        let to: Address =
            mail.to.parse().map_err(|_| permanent("the address of the receiver is malformed"))?;
        let id_is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
        if !mail.message_id.contains('@') || !mail.message_id.chars().all(id_is_plain) {
            return Err(permanent("its message id is malformed"));
        }
        // RFC 3834: keeps vacation replies away.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.replace(char::is_control, " "))
            .date(now.into())
            .message_id(Some(format!("<{}>", mail.message_id)))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|_| permanent("it cannot be put into the form of a mail"))
    }
}

/// Sorts an SMTP error. RFC 5321: 4xx may pass, 5xx will not; but what concerns our own sign-in at the mail server is
/// for the operator to mend, and the mail can wait for it.
fn smtp_error(error: smtp::Error) -> MailError {
    const OWN_SIGN_IN: [u16; 4] = [530, 534, 535, 538];
    let code: Option<u16> = error.status().map(|code| code.into());
    match code {
        Some(code) if error.is_permanent() && !OWN_SIGN_IN.contains(&code) => {
            MailError::Permanent(format!("the mail server refused it with {code}"))
        }
        Some(code) => MailError::Transient(format!("the mail server answered {code}")),
        None if error.is_timeout() => MailError::Transient("the mail server does not answer".into()),
        None if error.is_tls() => MailError::Transient("no TLS connection to the mail server".into()),
        None if error.is_response() => MailError::Transient("the mail server does not speak SMTP".into()),
        None if error.is_client() => {
            MailError::Permanent("the mail server does not support what it needs".into())
        }
        None => MailError::Transient("no connection to the mail server".into()),
    }
}

/// `20261101T093000.123Z-order-confirmation.mail_01h….eml`: in order of time, and a person sees what is what.
fn file_name(message_id: &str, now: DateTime<Utc>) -> String {
    let local = message_id.rsplit_once('@').map_or(message_id, |(local, _)| local);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let purpose: String = local.chars().take(FILE_NAME_PART).map(safe).collect();
    format!("{}-{purpose}.eml", now.format("%Y%m%dT%H%M%S%.3fZ"))
}

/// Writes under a hidden name first: who looks into the folder sees whole mails only.
async fn write_whole(folder: &std::path::Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder).await?;
    let draft = folder.join(format!(".{}", uuid::Uuid::new_v4()));
    let written = async {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        fs::rename(&draft, folder.join(name)).await
    }
    .await;
    if written.is_err() {
        // What cannot be removed either is the next reader's to see; the error that counts is the first one.
        let _ = fs::remove_file(&draft).await;
    }
    written
}
