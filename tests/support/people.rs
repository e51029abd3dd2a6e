//! Signing in.

use std::sync::Arc;

use ironmonger::App;
use serde_json::json;
use tokio::sync::OnceCell;

use super::client::Client;

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery staple";

const SIGN_IN: &str = "mutation SignIn($input: SessionCreateInput!) {
    sessionCreate(input: $input) { accessToken userErrors { code message } }
}";

const REGISTER: &str = "mutation Register($input: CustomerRegisterInput!) {
    customerRegister(input: $input) { customer { id } userErrors { code message } }
}";

/// An access token that is fetched when first needed, once per shop.
#[derive(Clone)]
pub struct Token {
    anonymous: Client,
    app: App,
    role: Option<&'static str>,
    known: Arc<OnceCell<String>>,
}

impl Token {
    pub(super) fn owner(anonymous: Client, app: App, known: Arc<OnceCell<String>>) -> Self {
        Self { anonymous, app, role: Some("owner"), known }
    }

    pub(super) fn customer(anonymous: Client, app: App, known: Arc<OnceCell<String>>) -> Self {
        Self { anonymous, app, role: None, known }
    }

    /// Creates the person and signs in, at the first call.
    pub async fn get(&self) -> String {
        self.known
            .get_or_init(|| async {
                let email = match self.role {
                    Some(role) => {
                        let email = format!("{role}@staff.test");
                        create_staff(&self.app, &email, role).await;
                        email
                    }
                    None => {
                        let email = "customer@example.test".to_owned();
                        register(&self.anonymous, &email).await;
                        email
                    }
                };
                sign_in(&self.anonymous, &email).await
            })
            .await
            .clone()
    }
}

async fn create_staff(app: &App, email: &str, role: &str) {
    let created = ironmonger::access::create_user(app, email, PASSWORD, &[role]).await;
    created.unwrap_or_else(|error| panic!("cannot create {email}: {error}"));
}

async fn register(anonymous: &Client, email: &str) {
    let input = json!({ "email": email, "password": PASSWORD, "firstName": "Test", "lastName": "Customer" });
    let body = anonymous.send(REGISTER, json!({ "input": input })).await;
    assert!(body["data"]["customerRegister"]["customer"]["id"].is_string(), "cannot register: {body}");
}

/// Signs in with [`PASSWORD`]; the access token.
pub async fn sign_in(anonymous: &Client, email: &str) -> String {
    let input = json!({ "email": email, "password": PASSWORD });
    let body = anonymous.send(SIGN_IN, json!({ "input": input })).await;
    let token = body["data"]["sessionCreate"]["accessToken"].as_str();
    token.unwrap_or_else(|| panic!("cannot sign in: {body}")).to_owned()
}
