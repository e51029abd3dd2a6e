//! One socket from its handshake to its close.
//!
//! One task owns the socket. Every operation runs in a task of its own and sends its messages through a short queue,
//! so a client that does not read slows its operations down and, in the end, is cut off.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::edge::{Answer, Call, Edge};
use crate::http::identity::Identity;
use crate::http::params::Params;
use crate::http::refusal::{self, Refusal};
use crate::http::request_id::RequestId;
use crate::http::sse::expires_in;

use super::message::{self, ConnectionParams, MAX_ID_BYTES, Received, Sent, SubscribePayload, parameter};

/// How long a client may wait with its `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a ping goes out.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A peer that was silent for this long, pongs included, is gone.
const SILENCE: Duration = Duration::from_secs(50);
/// How long one message may take to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The close code of a message beyond the limit (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;
/// Most operations of a socket at the same time.
const MAX_OPERATIONS: usize = 100;
/// Messages that wait to be sent.
const QUEUE: usize = 32;

/// The channel and languages that operations ask for, as their headers would say.
pub struct Wanted {
    pub channel: Option<String>,
    pub accept_language: Option<String>,
}

/// A close code and its reason.
struct Close(u16, String);

type Step = Result<(), Option<Close>>;

/// A message of an operation. `number` tells apart operations that used the same id one after the other.
struct Outgoing {
    id: String,
    number: u64,
    text: String,
    last: bool,
}

struct Running {
    number: u64,
    stop: CancellationToken,
}

/// See the module.
pub struct Session {
    edge: Edge,
    socket: WebSocket,
    identity: Identity,
    wanted: Wanted,
    request_id: RequestId,
    initialized: bool,
    expired: Pin<Box<dyn Future<Output = ()> + Send>>,
    operations: HashMap<String, Running>,
    started: u64,
    queue: mpsc::Sender<Outgoing>,
    waiting: mpsc::Receiver<Outgoing>,
}

impl Session {
    /// Of a socket whose subprotocol was agreed; `identity` and `wanted` are what the handshake's headers said.
    pub fn new(
        edge: Edge,
        socket: WebSocket,
        identity: Identity,
        wanted: Wanted,
        request_id: RequestId,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            edge,
            socket,
            identity,
            wanted,
            request_id,
            initialized: false,
            expired: Box::pin(pending()),
            operations: HashMap::new(),
            started: 0,
            queue,
            waiting,
        }
    }

    /// Serves the socket until either side closes it.
    pub async fn run(mut self) {
        let outcome = self.serve().await;
        for operation in self.operations.values() {
            operation.stop.cancel();
        }
        if let Err(Some(Close(code, reason))) = outcome {
            tracing::debug!(request_id = %self.request_id, code, reason, "closing a WebSocket");
            let frame = CloseFrame { code, reason: reason.into() };
            let _ = timeout(SEND_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await;
            if code == TOO_BIG {
                // What is left of the message cannot be read, and to close over it resets the connection: not before the
                // peer has had time to read why.
                sleep(CLOSE_TIMEOUT).await;
            }
        }
        // Reading on sends our answer to the peer's close, or waits for the peer's answer to ours: either side would
        // see 1006 otherwise. A peer that says nothing more is dropped.
        let closed = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }

    async fn serve(&mut self) -> Step {
        let stop = self.edge.stop.clone();
        let init_timeout = sleep(INIT_TIMEOUT);
        tokio::pin!(init_timeout);
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return close(1001, "Going away"),
                () = &mut init_timeout, if !self.initialized => {
                    return close(4408, "Connection initialisation timeout");
                }
                () = &mut self.expired => return close(4403, "Forbidden: the token has expired"),
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(None);
                    }
                    self.send(Message::Ping(Default::default())).await?;
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    self.receive(message).await?;
                }
                Some(outgoing) = self.waiting.recv() => self.forward(outgoing).await?,
            }
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Step {
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Err(None),
            Some(Err(error)) => {
                return Err(is_too_big(&error).then(|| Close(TOO_BIG, "Message too big".into())));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => return close(4400, "Invalid message: text is expected"),
            Some(Ok(Message::Text(text))) => text,
        };
        match serde_json::from_str(&text) {
            Err(_) => close(4400, "Invalid message"),
            Ok(Received::ConnectionInit { .. }) if self.initialized => {
                close(4429, "Too many initialisation requests")
            }
            Ok(Received::ConnectionInit { payload }) => self.init(payload.unwrap_or_default()).await,
            Ok(Received::Ping { payload }) => self.say(&Sent::Pong { payload }).await,
            Ok(Received::Pong { .. }) => Ok(()),
            Ok(Received::Subscribe { .. }) if !self.initialized => close(4401, "Unauthorized"),
            Ok(Received::Subscribe { payload, .. }) if !payload.names_document() => {
                close(4400, "Invalid message: there is no query")
            }
            Ok(Received::Subscribe { id, payload }) => self.subscribe(id, payload).await,
            Ok(Received::Complete { id }) => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.stop.cancel();
                }
                Ok(())
            }
        }
    }

    async fn init(&mut self, params: ConnectionParams) -> Step {
        self.initialized = true;
        if let Some(authorization) = parameter(&params, "authorization") {
            match Identity::from_authorization(&self.edge.app, authorization).await {
                Ok(identity) => self.identity = Identity { client: self.identity.client, ..identity },
                Err(crate::Error::Request { .. } | crate::Error::Rejected(_)) => {
                    return close(4403, "Forbidden");
                }
                Err(crate::Error::Fault(fault)) => {
                    tracing::error!(request_id = %self.request_id, fault = format!("{fault:#}"), "authentication failed");
                    return close(4500, "Internal server error");
                }
            }
        }
        if let Some(slug) = parameter(&params, "ironmonger-channel") {
            self.wanted.channel = Some(slug.to_owned());
        }
        if let Some(languages) = parameter(&params, "accept-language") {
            self.wanted.accept_language = Some(languages.to_owned());
        }
        self.expired = Box::pin(expires_in(&self.edge, self.identity.expires_at));
        self.say(&Sent::ConnectionAck).await
    }

    async fn subscribe(&mut self, id: String, payload: SubscribePayload) -> Step {
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return close(4400, "Invalid message: the id is empty or too long");
        }
        if self.operations.contains_key(&id) {
            return close(4409, &format!("Subscriber for {id} already exists"));
        }
        let request_id = RequestId::new();
        let call = if self.operations.len() < MAX_OPERATIONS {
            self.prepare(payload, &request_id).await
        } else {
            let message = format!("A socket runs at most {MAX_OPERATIONS} operations at the same time.");
            Err(Refusal::document(crate::http::limits::LIMIT_EXCEEDED, message, Vec::new()))
        };
        match call {
            Err(mut refusal) => {
                refusal.errors.iter_mut().for_each(|error| refusal::finish(error, &request_id));
                self.say(&Sent::Error { id: &id, payload: &refusal.errors }).await
            }
            Ok(call) => {
                self.started += 1;
                let stop = CancellationToken::new();
                let operation = Operation { id: id.clone(), number: self.started, queue: self.queue.clone() };
                self.edge.tasks.spawn(operation.run(self.edge.clone(), call, stop.clone()));
                self.operations.insert(id, Running { number: self.started, stop });
                Ok(())
            }
        }
    }

    // Exclusive, because a socket cannot be shared between threads, not even to look at it.
    async fn prepare(&mut self, payload: SubscribePayload, request_id: &RequestId) -> Result<Call, Refusal> {
        let SubscribePayload { query, document_id, operation_name, variables, extensions } = payload;
        let mut params = Params::new(query, operation_name, variables)?.named_by(document_id, extensions)?;
        self.edge.resolve(&mut params, &self.identity.viewer).await?;
        let Wanted { channel, accept_language } = &self.wanted;
        let view = self.edge.view(channel.as_deref(), accept_language.as_deref()).await;
        let view = view.map_err(|error| Refusal::from_error(error, request_id))?;
        self.edge.prepare(params, self.identity.clone(), view, request_id.clone())
    }

    /// Sends a message of an operation, unless the client has ended it.
    async fn forward(&mut self, outgoing: Outgoing) -> Step {
        let Outgoing { id, number, text, last } = outgoing;
        if self.operations.get(&id).is_none_or(|operation| operation.number != number) {
            return Ok(());
        }
        if last {
            self.operations.remove(&id);
        }
        self.send(Message::Text(text.into())).await
    }

    async fn say(&mut self, message: &Sent<'_>) -> Step {
        self.send(Message::Text(message.to_json().into())).await
    }

    async fn send(&mut self, message: Message) -> Step {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(None),
        }
    }
}

/// One operation of a socket.
struct Operation {
    id: String,
    number: u64,
    queue: mpsc::Sender<Outgoing>,
}

impl Operation {
    /// Runs to its end or to `stop`. A mutation that has begun goes on all the same, unheard.
    async fn run(self, edge: Edge, call: Call, stop: CancellationToken) {
        let request_id = call.request_id.clone();
        let mut answers = edge.stream(call);
        loop {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                answer = answers.next() => answer,
            };
            let (text, last) = match answer {
                None => (Sent::Complete { id: &self.id }.to_json(), true),
                Some(Answer::Executed(response)) => (message::next(&self.id, &response), false),
                Some(Answer::Refused(mut refusal)) => {
                    refusal.errors.iter_mut().for_each(|error| refusal::finish(error, &request_id));
                    (Sent::Error { id: &self.id, payload: &refusal.errors }.to_json(), true)
                }
            };
            let outgoing = Outgoing { id: self.id.clone(), number: self.number, text, last };
            if self.queue.send(outgoing).await.is_err() || last {
                return;
            }
        }
    }
}

fn close(code: u16, reason: &str) -> Step {
    // A reason has 123 bytes at most.
    let mut end = reason.len().min(120);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    Err(Some(Close(code, reason[..end].to_owned())))
}

/// axum hides the type of its WebSocket errors.
fn is_too_big(error: &axum::Error) -> bool {
    error.to_string().contains("too long")
}
