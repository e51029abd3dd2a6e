//! Sending GraphQL over HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::Token;
use super::subscription::Subscription;

/// How a client signs its requests.
#[derive(Clone)]
pub(super) enum Auth {
    None,
    Token(String),
    Lazy(Box<Token>),
}

/// One person at one API process. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    auth: Auth,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(super) fn new(base: String, auth: Auth) -> Self {
        ironmonger::tls::choose_crypto();
        // Longer than any deadline of the server, so that a test sees the server's answer.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, base, auth, headers: Vec::new() }
    }

    pub(super) fn with_auth(&self, auth: Auth) -> Self {
        Self { auth, ..self.clone() }
    }

    /// The same person at another process of the same shop: `http://127.0.0.1:…`.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// With one more header on every request.
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The address of a path such as `/graphql`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The access token that requests carry.
    pub async fn token(&self) -> Option<String> {
        match &self.auth {
            Auth::None => None,
            Auth::Token(token) => Some(token.clone()),
            Auth::Lazy(token) => Some(Box::pin(token.get()).await),
        }
    }

    /// A request with this person's token and headers, for tests of HTTP itself.
    pub async fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = self.token().await {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Sends a document; answers with the whole body (`data`, `errors`).
    pub async fn send(&self, document: &str, variables: Value) -> Value {
        self.post(json!({ "query": document, "variables": variables })).await
    }

    /// Sends a body such as `{"query": …, "operationName": …}`.
    pub async fn post(&self, body: Value) -> Value {
        let request = self.request(reqwest::Method::POST, "/graphql").await;
        answer(request.header("Accept", "application/json").json(&body)).await
    }

    /// Sends a document with a file as the GraphQL multipart request specification says; `path` names the variable:
    /// `variables.file`.
    pub async fn upload(
        &self,
        document: &str,
        mut variables: Value,
        path: &str,
        filename: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Value {
        let mut place = &mut variables;
        for key in path.strip_prefix("variables.").expect("the path begins with variables").split('.') {
            place = match key.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[key],
            };
        }
        *place = Value::Null;
        let operations = json!({ "query": document, "variables": variables }).to_string();
        let form = reqwest::multipart::Form::new()
            .text("operations", operations)
            .text("map", json!({ "0": [path] }).to_string())
            .part("0", reqwest::multipart::Part::bytes(bytes.into()).file_name(filename.to_owned()));
        let request = self.request(reqwest::Method::POST, "/graphql").await;
        answer(request.header("GraphQL-Require-Preflight", "1").multipart(form)).await
    }

    /// Subscribes over WebSocket (graphql-transport-ws).
    pub async fn subscribe(&self, document: &str, variables: Value) -> Subscription {
        let url = self.url("/graphql").replacen("http", "ws", 1);
        Subscription::open(&url, self.token().await, &self.headers, document, variables).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.expect("the API answers");
    let status = response.status();
    let text = response.text().await.expect("the answer has a body");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON, but {status}: {text}"))
}
