//! A client that costs little: what it spends, the servers that it measures do not have.
//!
//! It knows just enough of HTTP/1.1 for servers that answer with a `content-length` over a connection that stays open.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept open.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A complete request, as it goes over the wire.
#[derive(Clone)]
pub struct Request(Vec<u8>);

impl Request {
    /// A GET.
    pub fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes())
    }

    /// A GraphQL operation in a POST.
    pub fn graphql(document: &str, variables: &serde_json::Value) -> Self {
        let body = serde_json::json!({ "query": document, "variables": variables }).to_string();
        Self(
            format!(
                "POST /graphql HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    }
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and waits for its answer: the status and the body.
    pub async fn send(&mut self, request: &Request) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(&request.0).await?;
        self.received.clear();
        let head_bytes = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.read_some().await?;
        };
        let (status, length) = read_head(&self.received[..head_bytes])?;
        while self.received.len() < head_bytes + length {
            self.read_some().await?;
        }
        Ok((status, &self.received[head_bytes..]))
    }

    /// The JSON that answers a request; anything but 200 and any GraphQL error fails.
    pub async fn json(&mut self, request: &Request) -> anyhow::Result<serde_json::Value> {
        let (status, body) = self.send(request).await?;
        refuse_error(status, body)?;
        Ok(serde_json::from_slice(body)?)
    }

    async fn read_some(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Fails unless the answer is one without errors of any kind.
pub fn refuse_error(status: u16, body: &[u8]) -> anyhow::Result<()> {
    let user_errors = find(body, b"\"userErrors\":[{").is_some();
    if status != 200 || user_errors || find(body, b"\"errors\":").is_some() {
        let body = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
        bail!("the server answers {status}: {body}");
    }
    Ok(())
}

fn read_head(head: &[u8]) -> anyhow::Result<(u16, usize)> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("there is no status")?;
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok((status.parse()?, value.trim().parse()?));
        }
    }
    bail!("the answer has no content-length: {text}")
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    // The first byte of what is looked for is rare, or the text is short.
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|&byte| byte == part[0]) {
        if text[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_seen_wherever_they_stand() {
        assert!(refuse_error(200, br#"{"data":{"x":{"userErrors":[]}}}"#).is_ok());
        assert!(refuse_error(200, br#"{"data":{"x":{"userErrors":[{"code":"NOT_FOUND"}]}}}"#).is_err());
        assert!(refuse_error(200, br#"{"data":null,"errors":[]}"#).is_err());
        assert!(refuse_error(503, b"{}").is_err());
    }

    #[test]
    fn the_head_is_read() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y\r\n\r\n";
        assert_eq!(read_head(head).unwrap(), (200, 12));
        assert!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
