//! What `ironmonger dev` prints when the shop is open.

use std::fmt::Write;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::HttpConfig;

const QUERY: &str = r#"query ProductList {
  products(first: 5) {
    nodes {
      name
      slug
      priceRange { min { amount currencyCode } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"#;

/// Prints the addresses, the login and a query to try, to standard output.
pub(super) fn print(http: &HttpConfig, login: Option<(&str, &str)>, took: Duration) {
    print!("{}", text(http, login, took, std::io::stdout().is_terminal()));
}

fn text(http: &HttpConfig, login: Option<(&str, &str)>, took: Duration, colors: bool) -> String {
    let bold = |text: &str| if colors { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let site = format!("http://{}", reachable(http.addr));
    let mut lines = vec![
        ("GraphiQL", format!("{site}/graphiql")),
        ("GraphQL", format!("{site}/graphql")),
        ("Jobs", format!("{site}/jobs")),
        ("Metrics", format!("http://{}/metrics", reachable(http.metrics_addr))),
    ];
    if let Some((email, password)) = login {
        lines.push(("Staff login", format!("{email} / {password}")));
    }
    let mut text = format!("\n{}\n\n", bold(&format!("Ironmonger is ready ({:.1} s).", took.as_secs_f64())));
    for (name, value) in lines {
        writeln!(text, "  {name:<13}{}", bold(&value)).expect("writing to a String cannot fail");
    }
    text.push_str("\nA query to try, in GraphiQL:\n\n");
    for line in QUERY.lines() {
        writeln!(text, "  {line}").expect("writing to a String cannot fail");
    }
    text.push_str("\nCtrl-C stops it; the data stays.\n\n");
    text
}

/// An address that listens everywhere is shown as one that a browser can open.
fn reachable(addr: SocketAddr) -> String {
    if addr.ip().is_unspecified() { format!("localhost:{}", addr.port()) } else { addr.to_string() }
}
