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
            MailError::Transient("the mail server does not support what it needs".into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mailer(data_dir: &std::path::Path, smtp_url: Option<&str>) -> anyhow::Result<Mailer> {
        let config = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("postgres://localhost/x".into()),
            "REDIS_URL" => Some("redis://localhost".into()),
            "IRONMONGER_DATA_DIR" => Some(data_dir.display().to_string()),
            "IRONMONGER_SMTP_URL" => smtp_url.map(str::to_owned),
            _ => None,
        })
        .unwrap();
        Mailer::from_config(&config, Clock::default())
    }

    fn scratch_dir() -> PathBuf {
        std::env::temp_dir().join(format!("ironmonger-mail-{}", uuid::Uuid::new_v4()))
    }

    fn mail() -> Mail {
        Mail {
            to: "ada@example.com".into(),
            subject: "Your order IM-1001".into(),
            text: "Thank you, Zoë.\n\nTotal: 12.50 €\n".into(),
            message_id: "order-confirmation.mail_01h455vb4pex5vsknk084sn02q@shop.example".into(),
        }
    }

    #[tokio::test]
    async fn without_a_mail_server_a_mail_is_a_file_named_by_time_and_purpose() {
        let dir = scratch_dir();
        mailer(&dir, None).unwrap().send(mail()).await.unwrap();
        let names: Vec<_> =
            std::fs::read_dir(dir.join("mail")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let [name] = names.as_slice() else { panic!("{names:?}") };
        let name = name.to_str().unwrap();
        assert!(name.ends_with("Z-order-confirmation.mail_01h455vb4pex5vsknk084sn02q.eml"), "{name}");
        let text = std::fs::read_to_string(dir.join("mail").join(name)).unwrap();
        for line in [
            "To: ada@example.com\r\n",
            "Subject: Your order IM-1001\r\n",
            "Message-ID: <order-confirmation.mail_01h455vb4pex5vsknk084sn02q@shop.example>\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(body.contains("Zo=C3=AB") && body.contains("=E2=82=AC"), "{body}");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn a_line_break_in_the_subject_makes_no_header() {
        let mailer = mailer(&scratch_dir(), None).unwrap();
        for subject in
            ["Hello Ada\r\nBcc: eve@example.com", "Hello Zoë\nBcc: eve@example.com", "a\r\n\r\nbody"]
        {
            let message =
                mailer.message(&Mail { subject: subject.into(), ..mail() }, mailer.clock.now()).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let headers = text.split_once("\r\n\r\n").unwrap().0;
            let begins = |line: &str| line.starts_with("Bcc") || line.starts_with("body");
            assert!(!headers.split(['\r', '\n']).any(begins), "{headers}");
            let receivers = message.envelope().to();
            assert_eq!(receivers.len(), 1);
            assert_eq!(receivers[0].to_string(), "ada@example.com");
        }
    }

    #[tokio::test]
    async fn what_can_never_be_sent_is_permanent_and_does_not_quote_the_address() {
        let mailer = mailer(&scratch_dir(), None).unwrap();
        for bad in [
            Mail { to: "ada@example.com\r\nBcc: eve@example.com".into(), ..mail() },
            Mail { to: "Ada <ada@example.com>".into(), ..mail() },
            Mail { message_id: "x@y>\r\nBcc: eve@example.com".into(), ..mail() },
        ] {
            let error = mailer.send(bad).await.unwrap_err();
            assert!(matches!(error, MailError::Permanent(_)), "{error}");
            assert!(!error.to_string().contains("example.com"), "{error}");
        }
    }

    /// A mail server that answers a recipient with `answer`, once.
    async fn mail_server(answer: &'static str) -> String {
        use tokio::io::{AsyncBufReadExt, BufReader};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 test\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let reply = match line.as_str() {
                    line if line.starts_with("RCPT") => answer,
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    line if line.starts_with(['E', 'M', 'R', '.']) => "250 ok",
                    _ => continue,
                };
                if write.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        url
    }

    #[tokio::test]
    async fn the_answers_of_a_mail_server_are_sorted() {
        let send = async |answer| {
            let url = mail_server(answer).await;
            mailer(&scratch_dir(), Some(&url)).unwrap().send(mail()).await
        };
        assert!(send("250 ok").await.is_ok());
        let refused = send("550 5.1.1 <ada@example.com> is unknown").await.unwrap_err();
        assert!(matches!(refused, MailError::Permanent(_)), "{refused}");
        assert!(refused.to_string().contains("550") && !refused.to_string().contains("ada"), "{refused}");
        let busy = send("451 4.3.0 try later").await.unwrap_err();
        assert!(matches!(busy, MailError::Transient(_)), "{busy}");
        let away =
            mailer(&scratch_dir(), Some("smtp://127.0.0.1:1")).unwrap().send(mail()).await.unwrap_err();
        assert!(matches!(away, MailError::Transient(_)), "{away}");
    }

    #[test]
    fn a_bad_url_of_a_mail_server_is_not_quoted() {
        let error = mailer(&scratch_dir(), Some("http://user:hunter2@example.com")).err().unwrap();
        assert!(error.to_string().contains("IRONMONGER_SMTP_URL"));
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }
}
