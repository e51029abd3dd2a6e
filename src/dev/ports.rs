//! The ports that people know, checked before anything is started.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Result, bail};

use crate::config::HttpConfig;

/// Fails when one of the addresses cannot be listened on, and says which variable names another one.
pub(super) fn check(http: &HttpConfig) -> Result<()> {
    check_one("API", "IRONMONGER_HTTP_ADDR", http.addr)?;
    check_one("metrics", "IRONMONGER_METRICS_ADDR", http.metrics_addr)?;
    http.worker_addr.map_or(Ok(()), |addr| check_one("worker", "IRONMONGER_WORKER_ADDR", addr))
}

fn check_one(what: &str, variable: &str, addr: SocketAddr) -> Result<()> {
    let Err(error) = TcpListener::bind(addr) else {
        return Ok(());
    };
    let other = SocketAddr::new(addr.ip(), addr.port().saturating_add(100).max(1024));
    match error.kind() {
        ErrorKind::AddrInUse => bail!(
            "port {} for the {what} is in use: stop the program that has it, or choose another one with \
             {variable}={other}",
            addr.port()
        ),
        _ => bail!("the {what} cannot listen on {addr} ({error}): choose another address with {variable}"),
    }
}
