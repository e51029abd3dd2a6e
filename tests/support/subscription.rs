//! Subscriptions over WebSocket, by the protocol graphql-transport-ws.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long news may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A subscription that is open. Dropping it closes the connection.
pub struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscription {
    pub(super) async fn open(
        url: &str,
        token: Option<String>,
        headers: &[(String, String)],
        document: &str,
        variables: Value,
    ) -> Self {
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", HeaderValue::from_static("graphql-transport-ws"));
        for (name, value) in headers {
            request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.expect("the API takes WebSockets");
        let mut subscription = Subscription { socket };
        let payload = match token {
            Some(token) => json!({ "Authorization": format!("Bearer {token}") }),
            None => json!({}),
        };
        subscription.write(json!({ "type": "connection_init", "payload": payload })).await;
        let acknowledged = subscription.read().await.expect("the connection stays open");
        assert_eq!(acknowledged["type"], "connection_ack", "{acknowledged}");
        let payload = json!({ "query": document, "variables": variables });
        subscription.write(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
        subscription
    }

    /// The next result (`data`, `errors`). Panics when the subscription ends instead.
    pub async fn next(&mut self) -> Value {
        match self.next_or_end().await {
            Some(result) => result,
            None => panic!("the subscription has ended"),
        }
    }

    /// The next result; `None` when the subscription is complete.
    pub async fn next_or_end(&mut self) -> Option<Value> {
        let message = self.read().await?;
        match message["type"].as_str() {
            Some("next") => Some(message["payload"].clone()),
            Some("error") => Some(json!({ "errors": message["payload"] })),
            Some("complete") => None,
            _ => panic!("unexpected message: {message}"),
        }
    }

    async fn write(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message that is no ping; `None` when the connection is closed.
    async fn read(&mut self) -> Option<Value> {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.socket.next())
                .await
                .expect("a message comes within 30 seconds")?;
            match frame.expect("the connection holds") {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("messages are JSON");
                    if message["type"] != "ping" {
                        return Some(message);
                    }
                    self.write(json!({ "type": "pong" })).await;
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}
