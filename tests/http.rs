//! The HTTP edge: GraphQL over HTTP, WebSocket and SSE, health, headers.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ironmonger::http;
use reqwest::{Method, Response, StatusCode};
use tokio::net::TcpListener;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

use crate::support::{Client, Shop, Value, json};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

async fn post(client: &Client, accept: &str, body: Value) -> Response {
    let request = client.request(Method::POST, "/graphql").await;
    request.header("Accept", accept).json(&body).send().await.unwrap()
}

async fn get(client: &Client, path: &str) -> Response {
    client.request(Method::GET, path).await.send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn code(response: Response) -> String {
    let body: Value = response.json().await.unwrap();
    assert!(body["errors"][0]["extensions"]["requestId"].is_string(), "{body}");
    body["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_media_type_decides_the_status_of_a_document_that_cannot_run() {
    let shop = Shop::start().await;
    for (query, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($unused: ID) { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ __type(name: 7) { name } }", "BAD_USER_INPUT"),
    ] {
        let old = post(&shop, "application/json", json!({ "query": query })).await;
        assert_eq!(old.status(), StatusCode::OK);
        assert_eq!(code(old).await, expected);
        let new = post(&shop, GRAPHQL_RESPONSE, json!({ "query": query })).await;
        assert_eq!(new.status(), StatusCode::BAD_REQUEST);
        assert_eq!(header(&new, "content-type"), "application/graphql-response+json; charset=utf-8");
        let body: Value = new.json().await.unwrap();
        assert!(body.get("data").is_none(), "{body}");
    }
    let none = post(&shop, "text/html", json!({ "query": "{ __typename }" })).await;
    assert_eq!(none.status(), StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn what_a_foreign_page_can_send_is_refused() {
    let shop = Shop::start().await;
    let mutation = r#"{"query":"mutation { __typename }"}"#;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let request = shop.request(Method::POST, "/graphql").await.header("Content-Type", content_type);
        let response = request.body(mutation).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let by_get = get(&shop, "/graphql?query=mutation%20%7B%20__typename%20%7D").await;
    assert_eq!(by_get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&by_get, "allow"), "GET, POST");
    let form = || reqwest::multipart::Form::new().text("operations", mutation).text("map", "{}");
    let bare =
        shop.as_owner().request(Method::POST, "/graphql").await.multipart(form()).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    let stranger = shop.header("GraphQL-Require-Preflight", "1").request(Method::POST, "/graphql").await;
    assert_eq!(stranger.multipart(form()).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let owner = shop.as_owner().header("GraphQL-Require-Preflight", "1");
    let request = owner.request(Method::POST, "/graphql").await;
    assert_eq!(request.multipart(form()).send().await.unwrap().status(), StatusCode::OK);
    let delete = shop.request(Method::DELETE, "/graphql").await.send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_and_not_taken_for_a_stranger() {
    let shop = Shop::start().await;
    let response =
        post(&shop.with_token("nonsense"), "application/json", json!({ "query": "{ __typename }" })).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&response, "www-authenticate"), "Bearer");
    assert_eq!(code(response).await, "UNAUTHENTICATED");
    let basic = shop.header("Authorization", "Basic eDp5");
    let response = post(&basic, "application/json", json!({ "query": "{ __typename }" })).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_channel_that_does_not_exist_is_bad_input() {
    let shop = Shop::start().await;
    let client = shop.header("Ironmonger-Channel", "nowhere");
    let response = post(&client, "application/json", json!({ "query": "{ __typename }" })).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(response).await, "BAD_USER_INPUT");
}

#[tokio::test]
async fn every_response_has_a_request_id_and_headers_for_safety() {
    let shop = Shop::start().await;
    let given =
        post(&shop.header("X-Request-Id", "checkout-42.a"), "*/*", json!({ "query": "{ __typename }" }))
            .await;
    assert_eq!(header(&given, "x-request-id"), "checkout-42.a");
    let insane = shop.header("X-Request-Id", "a b<script>");
    let replaced = get(&insane, "/nowhere").await;
    assert_eq!(replaced.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&replaced, "x-request-id").len(), 36);
    assert_eq!(header(&replaced, "x-content-type-options"), "nosniff");
    assert_eq!(header(&replaced, "x-frame-options"), "DENY");
    assert_eq!(code(replaced).await, "NOT_FOUND");
}

#[tokio::test]
async fn browsers_may_call_from_the_listed_origins_only() {
    let shop = Shop::start_with(&[("IRONMONGER_CORS_ORIGINS", "https://shop.example")]).await;
    let preflight = async |origin: &str| {
        let request = shop.request(Method::OPTIONS, "/graphql").await.header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", "POST");
        let response = request.header("Access-Control-Request-Headers", "content-type").send().await.unwrap();
        header(&response, "access-control-allow-origin")
    };
    assert_eq!(preflight("https://shop.example").await, "https://shop.example");
    assert_eq!(preflight("https://evil.example").await, "");

    let socket = async |origin: &str| {
        let mut request = shop.url("/graphql").replacen("http", "ws", 1).into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        connect_async(request).await.is_ok()
    };
    assert!(socket("https://shop.example").await);
    assert!(!socket("https://evil.example").await);
}

#[tokio::test]
async fn the_playground_comes_from_here_alone() {
    let shop = Shop::start().await;
    let page = get(&shop, "/graphiql").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(header(&page, "content-security-policy").contains("default-src 'none'"));
    let page = page.text().await.unwrap();
    let script =
        page.split('"').find(|text| text.starts_with("/graphiql/assets/graphiql.js?")).unwrap().to_owned();

    let plain = get(&shop, &script).await;
    assert_eq!(header(&plain, "content-encoding"), "");
    assert!(header(&plain, "cache-control").contains("immutable"));
    let etag = header(&plain, "etag");
    let plain = plain.bytes().await.unwrap();
    let brotli = get(&shop.header("Accept-Encoding", "br"), &script).await;
    assert_eq!(header(&brotli, "content-encoding"), "br");
    assert!(brotli.bytes().await.unwrap().len() < plain.len());
    let known = get(&shop.header("If-None-Match", &etag), &script).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get(&shop, "/graphiql/assets/..%2Findex.html").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_of_the_queues_comes_from_here_alone() {
    let shop = Shop::start().await;
    let page = get(&shop, "/jobs").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let text = page.text().await.unwrap();

    let asked = text.split(['"', '\'']).filter(|text| text.starts_with("/jobs/assets/"));
    let mut files: Vec<_> = asked.map(str::to_owned).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    files.push("/jobs".into());
    let mut seen = 0;
    while let Some(path) = files.get(seen).cloned() {
        seen += 1;
        let file = get(&shop, &path).await;
        assert_eq!(file.status(), StatusCode::OK, "{path}");
        let policy = header(&file, "content-security-policy");
        let policy: Vec<_> = policy.split(';').map(str::trim).collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(&directive), "{path}: {policy:?}");
        }
        assert_eq!(header(&file, "x-content-type-options"), "nosniff");
        assert_eq!(header(&file, "referrer-policy"), "no-referrer");
        let etag = header(&file, "etag");
        let known = get(&shop.header("If-None-Match", &etag), &path).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{path}");
        let text = file.text().await.unwrap().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("://"), "{path} names another host");
        for import in text.split("from './").skip(1) {
            let import = format!("/jobs/assets/{}", import.split('\'').next().unwrap());
            if !files.contains(&import) {
                files.push(import);
            }
        }
    }
    assert!(files.iter().any(|file| file.ends_with("/session.js")), "imports were followed: {files:?}");
    assert_eq!(get(&shop, "/jobs/assets/..%2Findex.html").await.status(), StatusCode::NOT_FOUND);

    let home = get(&shop.header("Accept", "application/json"), "/").await;
    assert_eq!(home.json::<serde_json::Value>().await.unwrap()["jobs"], "/jobs");
}

#[tokio::test]
async fn readiness_follows_the_drain_and_liveness_does_not() {
    let shop = Shop::start().await;
    assert_eq!(get(&shop, "/readyz").await.status(), StatusCode::OK);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ops = shop.at(&format!("http://{}", listener.local_addr().unwrap()));
    let stop = CancellationToken::new();
    tokio::spawn(axum::serve(listener, http::ops_router(shop.app().clone(), stop.clone())).into_future());
    let ready: Value = get(&ops, "/readyz").await.json().await.unwrap();
    assert_eq!(ready["status"], "ready", "{ready}");
    let metrics = get(&ops, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains("ironmonger_db_connections_max"), "{metrics}");
    stop.cancel();
    let draining = get(&ops, "/readyz").await;
    assert_eq!(draining.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(draining.json::<Value>().await.unwrap()["status"], "draining");
    assert_eq!(get(&ops, "/livez").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_over_a_socket_is_told_before_it_closes() {
    let shop = Shop::start().await;
    for _ in 0..5 {
        let mut request = shop.url("/graphql").replacen("http", "ws", 1).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse().unwrap());
        let (socket, _) = connect_async(request).await.unwrap();
        let (mut to, mut from) = socket.split();
        // Whether all of it can be sent does not matter.
        let sending = tokio::spawn(async move { to.send(Message::text("x".repeat(8_000_000))).await });
        let answer = from.next().await.unwrap().unwrap();
        let Message::Close(Some(frame)) = answer else { panic!("{answer}") };
        assert_eq!(u16::from(frame.code), 1009);
        sending.abort();
    }
}

#[tokio::test]
async fn a_server_that_stops_closes_its_sockets_and_ends() {
    let shop = Shop::start().await;
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (listener, ops) = (bind().await, bind().await);
    let url = format!("ws://{}/graphql", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let server = tokio::spawn(http::serve_on(shop.app().clone(), stop.clone(), listener, ops));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.send(Message::text(r#"{"type":"connection_init"}"#)).await.unwrap();
    let acknowledged = socket.next().await.unwrap().unwrap();
    assert!(acknowledged.to_text().unwrap().contains("connection_ack"));

    stop.cancel();
    let closed = loop {
        match socket.next().await.expect("a close comes first").unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            _ => continue,
        }
    };
    assert_eq!(u16::from(closed.code), 1001);
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await.expect("it drains at once");
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn an_order_is_followed_by_event_stream() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(5, "19.99").await;
    let order = shop.order(&[(variant, 1)]).await;
    let document = "subscription($token: String!) { orderUpdated(token: $token) { status } }";
    let body = json!({ "query": document, "variables": { "token": order["accessToken"] } });
    let mut response = post(&shop, "text/event-stream", body.clone()).await;
    assert!(header(&response, "content-type").starts_with("text/event-stream"));
    let first = response.chunk().await.unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.starts_with("event: next\ndata: {\"data\":{\"orderUpdated\":{\"status\":"), "{first}");
    assert_eq!(post(&shop, "application/json", body).await.status(), StatusCode::NOT_ACCEPTABLE);
}
