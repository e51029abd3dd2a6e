//! Accounts, sign-in, sessions, tokens and permissions.

use std::fmt::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures_util::future::join_all;
use ironmonger::App;
use ironmonger::access::{self, Viewer};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

use crate::support::{Client, Shop, Value, json};

const PASSWORD: &str = "a long enough password";

const REGISTER: &str = "mutation Register($input: CustomerRegisterInput!) {
    customerRegister(input: $input) {
        customer { id email firstName lastName createdAt }
        userErrors { code message field }
    }
}";

const SIGN_IN: &str = "mutation SignIn($input: SessionCreateInput!) {
    sessionCreate(input: $input) {
        accessToken accessTokenExpiresAt refreshToken userErrors { code message field }
    }
}";

const REFRESH: &str = "mutation Refresh($input: SessionRefreshInput!) {
    sessionRefresh(input: $input) {
        accessToken accessTokenExpiresAt refreshToken userErrors { code message field }
    }
}";

const REVOKE: &str = "mutation Revoke { sessionRevoke { userErrors { code } } }";

const VIEWER: &str =
    "query Viewer { viewer { id email permissions customer { id email firstName lastName } } }";

async fn register(shop: &Shop, email: &str) -> Value {
    let input = json!({ "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace" });
    let mut body = shop.send(REGISTER, json!({ "input": input })).await;
    assert!(body["errors"].is_null(), "{body}");
    body["data"]["customerRegister"].take()
}

async fn sign_in_with(shop: &Shop, email: &str, password: &str) -> Value {
    let mut body = shop.send(SIGN_IN, json!({ "input": { "email": email, "password": password } })).await;
    assert!(body["errors"].is_null(), "{body}");
    body["data"]["sessionCreate"].take()
}

/// The tokens of a sign-in that must succeed.
async fn sign_in(shop: &Shop, email: &str) -> Tokens {
    Tokens::read(&sign_in_with(shop, email, PASSWORD).await)
}

async fn refresh(shop: &Shop, refresh_token: &str) -> Value {
    let mut body = shop.send(REFRESH, json!({ "input": { "refreshToken": refresh_token } })).await;
    assert!(body["errors"].is_null(), "{body}");
    body["data"]["sessionRefresh"].take()
}

struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    fn read(payload: &Value) -> Self {
        let text = |name: &str| payload[name].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned();
        assert_eq!(payload["userErrors"], json!([]));
        Self { access: text("accessToken"), refresh: text("refreshToken") }
    }
}

fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap_or_else(|| panic!("{payload}"));
    errors.iter().map(|error| error["code"].as_str().unwrap()).collect()
}

/// The `extensions.code` of the first top-level error.
fn error_code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no error: {body}"))
}

async fn is_accepted(client: &Client) -> bool {
    let body = client.send(VIEWER, json!({})).await;
    if body["data"]["viewer"]["id"].is_string() {
        return true;
    }
    assert_eq!(error_code(&body), "UNAUTHENTICATED");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_registers_signs_in_and_is_the_viewer() {
    let shop = Shop::start().await;
    let registered = register(&shop, " Ada@Example.com ").await;
    assert_eq!(registered["userErrors"], json!([]));
    assert_eq!(registered["customer"]["email"], "Ada@Example.com");
    let tokens = sign_in(&shop, "ada@example.COM").await;
    let body = shop.with_token(&tokens.access).send(VIEWER, json!({})).await;
    let viewer = &body["data"]["viewer"];
    assert!(viewer["id"].as_str().unwrap().starts_with("user_"), "{body}");
    assert_eq!(viewer["email"], "Ada@Example.com");
    assert_eq!(viewer["permissions"], json!([]));
    let customer = &viewer["customer"];
    assert_eq!(customer["id"], registered["customer"]["id"]);
    assert_eq!((&customer["firstName"], &customer["lastName"]), (&json!("Ada"), &json!("Lovelace")));
    let events = "select count(*) from events where type = 'customer.registered'";
    assert_eq!(shop.sql_count(events).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signed_in_is_no_viewer() {
    let shop = Shop::start().await;
    assert_eq!(shop.send(VIEWER, json!({})).await, json!({ "data": { "viewer": null } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_names_every_bad_field_at_once_and_writes_nothing() {
    let shop = Shop::start().await;
    let input = json!({
        "email": "ada@", "password": "seven77", "firstName": "A".repeat(101), "lastName": "Love\nlace",
    });
    let body = shop.send(REGISTER, json!({ "input": input })).await;
    let payload = &body["data"]["customerRegister"];
    assert_eq!(payload["customer"], Value::Null);
    assert_eq!(codes(payload), ["INVALID"; 4]);
    let fields: Vec<_> =
        payload["userErrors"].as_array().unwrap().iter().map(|error| &error["field"][1]).collect();
    assert_eq!(fields, ["email", "password", "firstName", "lastName"]);
    assert_eq!(shop.sql_count("select count(*) from users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_have_8_to_256_characters_of_any_script() {
    let shop = Shop::start().await;
    for (number, (password, expected)) in
        [("é".repeat(7), false), ("é".repeat(8), true), ("界".repeat(256), true), ("界".repeat(257), false)]
            .into_iter()
            .enumerate()
    {
        let email = format!("{number}@example.com");
        let body = shop.send(REGISTER, json!({ "input": { "email": email, "password": password } })).await;
        assert_eq!(body["data"]["customerRegister"]["customer"].is_object(), expected, "{body}");
        assert_eq!(sign_in_with(&shop, &email, &password).await["accessToken"].is_string(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_is_taken_whatever_its_case_also_by_those_who_register_at_once() {
    let shop = Shop::start().await;
    let emails = ["ada@example.com", "ADA@example.com", "Ada@Example.com", "ada@EXAMPLE.com"];
    let answers = join_all(emails.map(|email| register(&shop, email))).await;
    let taken = answers.iter().filter(|answer| codes(answer) == ["TAKEN"]).count();
    assert_eq!(taken, 3, "{answers:?}");
    assert_eq!(shop.sql_count("select count(*) from users").await, 1);
    assert_eq!(shop.sql_count("select count(*) from customers").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_does_not_take_over_a_guest_with_the_same_email() {
    let shop = Shop::start().await;
    shop.sql(
        "insert into customers (id, email, created_at, updated_at) \
         values (gen_random_uuid(), 'ada@example.com', now(), now())",
    )
    .await;
    assert!(register(&shop, "ada@example.com").await["customer"].is_object());
    assert_eq!(shop.sql_count("select count(*) from customers where user_id is null").await, 1);
    assert_eq!(shop.sql_count("select count(*) from customers where user_id is not null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_email_and_a_wrong_password_look_the_same_and_take_as_long() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let timed = async |email: &str| {
        let begin = Instant::now();
        let payload = sign_in_with(&shop, email, "not the password").await;
        (begin.elapsed(), payload)
    };
    let (mut wrong_email, mut wrong_password) = (Duration::MAX, Duration::MAX);
    // The least of several, because only that is free of what else the machine does.
    for _ in 0..5 {
        let (elapsed, known) = timed("ada@example.com").await;
        wrong_password = wrong_password.min(elapsed);
        let (elapsed, unknown) = timed("eve@example.com").await;
        wrong_email = wrong_email.min(elapsed);
        assert_eq!(known, unknown);
        assert_eq!(codes(&known), ["INVALID_CREDENTIALS"]);
        assert_eq!(known["accessToken"], Value::Null);
    }
    assert!(wrong_email * 2 > wrong_password, "{wrong_email:?} is much less than {wrong_password:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_that_nobody_can_have_are_wrong_like_any_other() {
    let shop = Shop::start().await;
    for email in ["", "nobody", "a\u{0}b@example.com", &"x".repeat(10_000)] {
        assert_eq!(codes(&sign_in_with(&shop, email, PASSWORD).await), ["INVALID_CREDENTIALS"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_shut_an_email_out_even_with_the_right_password() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    register(&shop, "bob@example.com").await;
    for _ in 0..10 {
        let payload = sign_in_with(&shop, "ada@example.com", "not the password").await;
        assert_eq!(codes(&payload), ["INVALID_CREDENTIALS"]);
    }
    assert_eq!(codes(&sign_in_with(&shop, "ADA@example.com", PASSWORD).await), ["RATE_LIMITED"]);
    sign_in(&shop, "bob@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_guesses_many_emails_is_shut_out_alone() {
    let shop = Shop::start_with(&[("IRONMONGER_CLIENT_IP_HEADER", "X-Forwarded-For")]).await;
    register(&shop, "ada@example.com").await;
    let sign_in = async |client: &str, email: &str, password: &str| {
        let client = shop.header("X-Forwarded-For", client);
        client.send(SIGN_IN, json!({ "input": { "email": email, "password": password } })).await["data"]
            ["sessionCreate"]
            .take()
    };
    for number in 0..100 {
        let payload =
            sign_in("203.0.113.9, 192.0.2.1", &format!("{number}@example.com"), "not the password").await;
        assert_eq!(codes(&payload), ["INVALID_CREDENTIALS"]);
    }
    assert_eq!(codes(&sign_in("192.0.2.1", "ada@example.com", PASSWORD).await), ["RATE_LIMITED"]);
    assert!(sign_in("192.0.2.2", "ada@example.com", PASSWORD).await["accessToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_that_are_sent_at_once_get_no_more_guesses() {
    let shop = Shop::start().await;
    let answers = join_all((0..60).map(|_| sign_in_with(&shop, "ada@example.com", "not the password"))).await;
    let guesses = answers.iter().filter(|answer| codes(answer) == ["INVALID_CREDENTIALS"]).count();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!((10..10 + cores).contains(&guesses), "{guesses} guesses with {cores} at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_forgets_the_failures_before_it() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    for _ in 0..2 {
        for _ in 0..9 {
            sign_in_with(&shop, "ada@example.com", "not the password").await;
        }
        sign_in(&shop, "ada@example.com").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sign_ins_at_once_all_succeed() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let answers = join_all((0..100).map(|_| sign_in_with(&shop, "ada@example.com", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer["accessToken"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_needs_no_redis() {
    let shop = Shop::start_with(&[("REDIS_URL", "redis://127.0.0.1:1")]).await;
    register(&shop, "ada@example.com").await;
    sign_in(&shop, "ada@example.com").await;
    for _ in 0..10 {
        sign_in_with(&shop, "ada@example.com", "not the password").await;
    }
    assert_eq!(codes(&sign_in_with(&shop, "ada@example.com", PASSWORD).await), ["RATE_LIMITED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_with_old_parameters_is_renewed_by_signing_in() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let old = {
        use argon2::{Argon2, Params, PasswordHasher};
        let weak = Argon2::from(Params::new(1024, 1, 1, None).unwrap());
        weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
    };
    shop.sql(&format!("update users set password_hash = '{old}'")).await;
    sign_in(&shop, "ada@example.com").await;
    let new = shop.sql_text("select password_hash from users").await;
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    sign_in(&shop, "ada@example.com").await;
    assert_eq!(shop.sql_text("select password_hash from users").await, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let mut tokens = sign_in(&shop, "ada@example.com").await;
    for _ in 0..3 {
        let payload = refresh(&shop, &tokens.refresh).await;
        assert!(payload["accessTokenExpiresAt"].is_string(), "{payload}");
        let next = Tokens::read(&payload);
        assert_ne!(next.refresh, tokens.refresh);
        assert!(is_accepted(&shop.with_token(&next.access)).await);
        tokens = next;
    }
    assert_eq!(shop.sql_count("select count(*) from sessions").await, 1);
    let stored = format!(
        "select count(*) from refresh_tokens where encode(token_hash, 'escape') like '%{}%'",
        tokens.refresh
    );
    assert_eq!(shop.sql_count(&stored).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_used_again_ends_the_whole_session() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let first = sign_in(&shop, "ada@example.com").await;
    let other = sign_in(&shop, "ada@example.com").await;
    let second = Tokens::read(&refresh(&shop, &first.refresh).await);
    assert!(is_accepted(&shop.with_token(&second.access)).await);

    assert_eq!(codes(&refresh(&shop, &first.refresh).await), ["INVALID_CREDENTIALS"]);

    assert!(!is_accepted(&shop.with_token(&first.access)).await);
    assert!(!is_accepted(&shop.with_token(&second.access)).await);
    assert_eq!(codes(&refresh(&shop, &second.refresh).await), ["INVALID_CREDENTIALS"]);
    assert!(is_accepted(&shop.with_token(&other.access)).await, "another session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_refreshes_at_once_exactly_one_wins_and_the_session_ends() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let tokens = sign_in(&shop, "ada@example.com").await;
    let answers = join_all((0..8).map(|_| refresh(&shop, &tokens.refresh))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer["accessToken"].is_string()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(!is_accepted(&shop.with_token(&Tokens::read(won[0]).access)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_refresh_tokens_are_refused() {
    let shop = Shop::start().await;
    for token in ["", "imrt_", "imrt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\u{0}"] {
        assert_eq!(codes(&refresh(&shop, token).await), ["INVALID_CREDENTIALS"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_of_the_bearer_at_once() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let (here, there) = (sign_in(&shop, "ada@example.com").await, sign_in(&shop, "ada@example.com").await);
    let body = shop.with_token(&here.access).send(REVOKE, json!({})).await;
    assert_eq!(body, json!({ "data": { "sessionRevoke": { "userErrors": [] } } }));
    assert!(!is_accepted(&shop.with_token(&here.access)).await);
    assert_eq!(codes(&refresh(&shop, &here.refresh).await), ["INVALID_CREDENTIALS"]);
    assert!(is_accepted(&shop.with_token(&there.access)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_needs_somebody_signed_in() {
    let shop = Shop::start().await;
    assert_eq!(error_code(&shop.send(REVOKE, json!({})).await), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_shut_out_at_once() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let tokens = sign_in(&shop, "ada@example.com").await;
    let wrong = sign_in_with(&shop, "ada@example.com", "not the password").await;

    access::disable_user(shop.app(), "ADA@example.com").await.unwrap();

    assert!(!is_accepted(&shop.with_token(&tokens.access)).await);
    assert_eq!(codes(&refresh(&shop, &tokens.refresh).await), ["INVALID_CREDENTIALS"]);
    assert_eq!(sign_in_with(&shop, "ada@example.com", PASSWORD).await, wrong);
    assert!(access::disable_user(shop.app(), "nobody@example.com").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_expires_and_the_session_goes_on() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let tokens = sign_in(&shop, "ada@example.com").await;
    let lifetime = shop.app().config.auth.access_token_seconds;
    shop.app().clock.advance(TimeDelta::seconds(lifetime - 30));
    assert!(is_accepted(&shop.with_token(&tokens.access)).await);
    shop.app().clock.advance(TimeDelta::seconds(31));
    assert!(!is_accepted(&shop.with_token(&tokens.access)).await);
    let next = Tokens::read(&refresh(&shop, &tokens.refresh).await);
    assert!(is_accepted(&shop.with_token(&next.access)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_time_however_often_it_was_refreshed() {
    let shop = Shop::start_with(&[("IRONMONGER_SESSION_SECONDS", "900")]).await;
    register(&shop, "ada@example.com").await;
    let first = sign_in(&shop, "ada@example.com").await;
    shop.app().clock.advance(TimeDelta::seconds(800));
    let payload = refresh(&shop, &first.refresh).await;
    let last = Tokens::read(&payload);
    let expires_at: chrono::DateTime<chrono::Utc> =
        payload["accessTokenExpiresAt"].as_str().unwrap().parse().unwrap();
    assert!(expires_at - shop.app().clock.now() <= TimeDelta::seconds(100), "the token outlives the session");
    shop.app().clock.advance(TimeDelta::seconds(101));
    assert!(!is_accepted(&shop.with_token(&last.access)).await);
    assert_eq!(codes(&refresh(&shop, &last.refresh).await), ["INVALID_CREDENTIALS"]);
}

/// What the shop signs with: the harness lets it make a development key.
fn signing_pem(shop: &Shop) -> String {
    std::fs::read_to_string(shop.data_dir().join("jwt-key.pem")).unwrap()
}

fn claims_of(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_refused() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let token = sign_in(&shop, "ada@example.com").await.access;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    let claims = claims_of(&token);
    let key = EncodingKey::from_ed_pem(signing_pem(&shop).as_bytes()).unwrap();
    let sign = |header: &Header, claims: &Value, key: &EncodingKey| {
        jsonwebtoken::encode(header, claims, key).unwrap()
    };
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };

    // What this test makes is what the shop makes, so the refusals below have no other cause than the one named.
    assert!(is_accepted(&shop.with_token(&sign(&header, &claims, &key))).await);

    let other_key = EncodingKey::from_ed_der(
        &[
            // The key of RFC 8037, appendix A, as PKCS#8.
            &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
                [..],
            &URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap(),
        ]
        .concat(),
    );
    let unsigned = {
        let header =
            URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt", "kid": header.kid }).to_string());
        format!("{header}.{}.", token.split('.').nth(1).unwrap())
    };
    let public = access::jwks(shop.app())["keys"][0]["x"].as_str().unwrap().to_owned();
    let hmac = |secret: &[u8]| {
        let header = Header { alg: Algorithm::HS256, ..header.clone() };
        sign(&header, &claims, &EncodingKey::from_secret(secret))
    };
    let swapped = {
        let parts: Vec<_> = token.split('.').collect();
        let claims = with("exp", json!(claims["exp"].as_i64().unwrap() + 1));
        format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
    };
    for (what, forged) in [
        ("another key under the same id", sign(&header, &claims, &other_key)),
        ("an unknown key id", sign(&Header { kid: Some("x".into()), ..header.clone() }, &claims, &key)),
        ("no key id", sign(&Header { kid: None, ..header.clone() }, &claims, &key)),
        ("another type", sign(&Header { typ: Some("JWT".into()), ..header.clone() }, &claims, &key)),
        ("no signature", unsigned),
        ("the public key as a shared secret", hmac(&URL_SAFE_NO_PAD.decode(&public).unwrap())),
        ("the public key's text as a shared secret", hmac(public.as_bytes())),
        ("changed claims", swapped),
        ("another issuer", sign(&header, &with("iss", json!("https://example.com")), &key)),
        ("another audience", sign(&header, &with("aud", json!("example")), &key)),
        ("somebody else's session", sign(&header, &with("sub", json!(ironmonger::ids::UserId::new())), &key)),
        ("an unknown session", sign(&header, &with("sid", json!(ironmonger::ids::SessionId::new())), &key)),
        ("an id of another type", sign(&header, &with("sid", claims["sub"].clone()), &key)),
        ("no text at all", "x".into()),
        ("two dots", "..".into()),
    ] {
        assert!(!is_accepted(&shop.with_token(&forged)).await, "{what} was accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_keys_verify_an_access_token() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let token = sign_in(&shop, "ada@example.com").await.access;
    let response = shop.request(reqwest::Method::GET, "/.well-known/jwks.json").await.send().await.unwrap();
    let keys: jsonwebtoken::jwk::JwkSet = response.json().await.unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).expect("the key of the token is published");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["ironmonger"]);
    validation.set_audience(&["ironmonger"]);
    let decoded =
        jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
    assert!(decoded.claims["sub"].as_str().unwrap().starts_with("user_"));
    assert!(decoded.claims["sid"].as_str().unwrap().starts_with("session_"));
    let seconds = decoded.claims["exp"].as_i64().unwrap() - decoded.claims["iat"].as_i64().unwrap();
    assert_eq!(seconds, shop.app().config.auth.access_token_seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_retired_key_are_accepted_until_it_is_removed() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let token = sign_in(&shop, "ada@example.com").await.access;
    let mut config = shop.app().config.clone();
    config.auth.jwt_key_pem = Some(
        "-----BEGIN PRIVATE KEY-----\\n\
         MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\\n\
         -----END PRIVATE KEY-----\\n"
            .replace('_', "/"),
    );
    let without = App::new(config.clone()).unwrap();
    assert!(access::authenticate(&without, &token).await.is_err());
    config.auth.jwt_retired_keys_file = Some(shop.data_dir().join("jwt-key.pem"));
    let with = App::new(config).unwrap();
    assert!(matches!(access::authenticate(&with, &token).await, Ok(Viewer::User(_))));
    assert_eq!(access::jwks(&with)["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_found_out_with_one_statement() {
    let shop = Shop::start().await;
    let token = shop.as_owner().token().await.unwrap();
    let before = shop.app().db.statement_count();
    access::authenticate(shop.app(), &token).await.unwrap();
    assert_eq!(shop.app().db.statement_count() - before, 1);
    access::authenticate(shop.app(), "forged").await.unwrap_err();
    assert_eq!(shop.app().db.statement_count() - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_has_every_permission_sorted() {
    let shop = Shop::start().await;
    let body = shop.as_owner().send(VIEWER, json!({})).await;
    let permissions: Vec<_> = body["data"]["viewer"]["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(permissions.len(), access::Permission::ALL.len());
    assert!(permissions.is_sorted(), "{permissions:?}");
    assert_eq!(body["data"]["viewer"]["customer"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_those_of_all_roles_and_follow_their_changes() {
    let shop = Shop::start().await;
    shop.sql(
        "insert into roles (id, name, permissions) values \
         (gen_random_uuid(), 'support', '{ORDERS_READ,CUSTOMERS_READ}'), \
         (gen_random_uuid(), 'operator', '{JOBS_READ,ORDERS_READ,A_PERMISSION_OF_THE_FUTURE}')",
    )
    .await;
    access::create_user(shop.app(), "grace@staff.test", PASSWORD, &["support", "operator"]).await.unwrap();
    let client = shop.with_token(&sign_in(&shop, "grace@staff.test").await.access);
    let permissions = async || client.send(VIEWER, json!({})).await["data"]["viewer"]["permissions"].clone();
    assert_eq!(permissions().await, json!(["CUSTOMERS_READ", "JOBS_READ", "ORDERS_READ"]));
    shop.sql("update roles set permissions = '{}' where name = 'operator'").await;
    assert_eq!(permissions().await, json!(["CUSTOMERS_READ", "ORDERS_READ"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_exist_makes_no_user() {
    let shop = Shop::start().await;
    let refused = access::create_user(shop.app(), "grace@staff.test", PASSWORD, &["owner", "czar"]).await;
    assert!(refused.unwrap_err().to_string().contains("czar"));
    assert_eq!(shop.sql_count("select count(*) from users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_fields_are_closed_to_strangers_and_customers() {
    const ORDERS: &str = "{ orders(first: 1) { nodes { id } } }";
    let shop = Shop::start().await;
    assert_eq!(error_code(&shop.send(ORDERS, json!({})).await), "UNAUTHENTICATED");
    assert_eq!(error_code(&shop.as_customer().send(ORDERS, json!({})).await), "FORBIDDEN");
    let body = shop.as_owner().send(ORDERS, json!({})).await;
    assert!(body["errors"].is_null(), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_sessions_are_forgotten() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    sign_in(&shop, "ada@example.com").await;
    sign_in(&shop, "ada@example.com").await;
    shop.sql("update sessions set expires_at = now() - interval '8 days'").await;
    let live = sign_in(&shop, "ada@example.com").await;
    assert_eq!(access::purge_sessions(shop.app()).await.unwrap(), 2);
    assert_eq!(access::purge_sessions(shop.app()).await.unwrap(), 0);
    assert_eq!(shop.sql_count("select count(*) from refresh_tokens").await, 1);
    assert!(is_accepted(&shop.with_token(&live.access)).await);
}

/// Runs `ironmonger user …` against the shop's database; success, output and errors.
async fn run_user(shop: &Shop, args: &[&str], stdin: &str) -> (bool, String) {
    use tokio::io::AsyncWriteExt;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_ironmonger"))
        .arg("user")
        .args(args)
        .env_clear()
        .envs(shop.env().into_iter().filter(|(name, _)| *name != "IRONMONGER_DEV"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    write!(text, "{}", String::from_utf8(output.stderr).unwrap()).unwrap();
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_lists_and_disables_staff() {
    let shop = Shop::start().await;
    register(&shop, "ada@example.com").await;
    let create = ["create", "--email", "grace@staff.test", "--role", "owner", "--password-stdin"];
    let (done, output) = run_user(&shop, &create, &format!("{PASSWORD}\n")).await;
    assert!(done, "{output}");
    let tokens = sign_in(&shop, "grace@staff.test").await;

    let (done, output) = run_user(&shop, &create, &format!("{PASSWORD}\n")).await;
    assert!(!done && output.contains("account with this email"), "{output}");
    assert!(!output.contains(PASSWORD));
    let (done, output) = run_user(&shop, &create[..5], "").await;
    assert!(!done && output.contains("IRONMONGER_PASSWORD"), "{output}");

    let (_, staff) = run_user(&shop, &["list"], "").await;
    assert!(
        staff.contains("grace@staff.test\towner\tenabled") && !staff.contains("ada@example.com"),
        "{staff}"
    );
    let (_, all) = run_user(&shop, &["list", "--all"], "").await;
    assert!(all.contains("ada@example.com\t-\tenabled"), "{all}");

    let (done, output) = run_user(&shop, &["disable", "--email", "grace@staff.test"], "").await;
    assert!(done, "{output}");
    assert!(!is_accepted(&shop.with_token(&tokens.access)).await);
    let (_, staff) = run_user(&shop, &["list"], "").await;
    assert!(staff.contains("grace@staff.test\towner\tdisabled"), "{staff}");
}
