//! What the handlers of the HTTP edge share, and the one way in which they execute an operation.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, Value};
use axum::http::{HeaderValue, StatusCode};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::cache::{Plan, Types};
use crate::channels::Channel;
use crate::error::Code;
use crate::graphql::{self, AtOnce, BatchReader, Schema, Shown};
use crate::locale::Locale;
use crate::trace;

use super::documents::{Document, Documents, Operation, Shape};
use super::identity::Identity;
use super::limits::LIMIT_EXCEEDED;
use super::metrics;
use super::outlive::Outliving;
use super::params::Params;
use super::persisted::Persisted;
use super::refusal::{self, BAD_USER_INPUT, Refusal, TIMEOUT, VALIDATION_FAILED};
use super::request_id::RequestId;

/// Most open WebSockets and event streams of a process.
const MAX_STREAMS: usize = 10_000;

/// An operation that finds the database away says so by itself within this time; one that waits for an answer from it does not.
const NOTICE: Duration = Duration::from_millis(100);

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

/// What [`Edge`] derefs to.
pub struct Parts {
    pub app: App,
    pub schema: Schema,
    /// The same for what is known to be valid: it checks little but the cost.
    lenient: Schema,
    /// The schema as the cache sees it.
    pub types: &'static Types,
    pub documents: Documents,
    /// Documents by their hash or id.
    pub persisted: Persisted,
    /// What answers to GET that may be kept say about it.
    pub cache_control: HeaderValue,
    /// Set when the process drains.
    pub stop: CancellationToken,
    /// Operations and sockets that outlive their connection's task; a drain waits for them.
    pub tasks: TaskTracker,
    /// Requests being served.
    pub in_flight: AtomicUsize,
    streams: AtomicUsize,
}

impl Deref for Edge {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// An operation that passed every check but the schema's own.
pub struct Call {
    /// Without the text of the document.
    pub params: Params,
    pub document: Arc<Document>,
    pub operation: Operation,
    /// Set to execute the document as the cache has changed it, and to note what it shows.
    pub plan: Option<(Arc<Plan>, Shown)>,
    pub identity: Identity,
    pub view: View,
    pub request_id: RequestId,
}

/// Which face of the catalog a request sees; with the viewer, all that an answer depends on besides the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub channel: Channel,
    pub locale: Locale,
}

impl Call {
    /// The same operation again, without its files.
    pub fn again(&self) -> Self {
        let Params { operation_name, variables, .. } = &self.params;
        let (operation_name, variables) = (operation_name.clone(), variables.clone());
        Self {
            params: Params { operation_name, variables, ..Params::default() },
            document: self.document.clone(),
            operation: self.operation.clone(),
            plan: None,
            identity: self.identity.clone(),
            view: self.view.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// What came of an operation.
pub enum Answer {
    /// It was executed, perhaps with errors.
    Executed(Response),
    /// It was not, or not to its end.
    Refused(Refusal),
}

impl Answer {
    /// Whether it lacks something because the database could not be reached.
    pub fn is_unavailable(&self) -> bool {
        let errors = match self {
            Answer::Executed(response) => &response.errors,
            Answer::Refused(refusal) => &refusal.errors,
        };
        errors.iter().any(is_unavailable)
    }
}

fn is_unavailable(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&Value::from(Code::Unavailable.as_str()))
}

impl Edge {
    /// The edge of a process.
    pub fn new(app: App, stop: CancellationToken) -> Self {
        // The schema depends on nothing; building it takes milliseconds, and tests have many apps.
        static SCHEMA: OnceLock<(Schema, Schema, Types)> = OnceLock::new();
        let (schema, lenient, types) = SCHEMA.get_or_init(|| {
            let schema = graphql::schema();
            let types = Types::of(&schema.sdl());
            (schema, graphql::lenient_schema(), types)
        });
        Self(Arc::new(Parts {
            persisted: Persisted::new(&app.config, &app.redis),
            cache_control: super::cached::cache_control(
                app.config.cache.max_age_seconds,
                app.config.cache.stale_seconds,
            ),
            app,
            schema: schema.clone(),
            lenient: lenient.clone(),
            types,
            documents: Documents::default(),
            stop,
            tasks: TaskTracker::new(),
            in_flight: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
        }))
    }

    /// The view that a request asks for: the channel with this slug, in the language that fits what it accepts best.
    pub async fn view(
        &self,
        slug: Option<&str>,
        accept_language: Option<&str>,
    ) -> crate::error::Result<View> {
        let channel = self.app.channels.get(&self.app.db, slug).await?;
        let locale = self.app.channels.locale(&self.app.db, accept_language).await?;
        Ok(View { channel, locale })
    }

    /// Checks the document and the operation that the parameters name.
    pub fn prepare(
        &self,
        mut params: Params,
        identity: Identity,
        view: View,
        request_id: RequestId,
    ) -> Result<Call, Refusal> {
        let document = self.documents.get(&std::mem::take(&mut params.query))?;
        let operation = document.operation(params.operation_name.as_deref())?;
        Ok(Call { params, document, operation, plan: None, identity, view, request_id })
    }

    /// Runs a query or a mutation to its end: a client that goes away must not cancel a transaction midway. Who waits
    /// longer than the request timeout gets `TIMEOUT`; the work goes on, and PostgreSQL's statement timeout ends it.
    pub async fn execute(&self, call: Call) -> Answer {
        let started = Instant::now();
        let operation = call.operation.clone();
        let request_id = call.request_id.clone();
        // Of a socket every operation is a trace of its own.
        let context = trace::current().unwrap_or_default();
        let edge = self.clone();
        let work = trace::scope(context, async move { edge.run(call).await });
        let limit = Duration::from_millis(self.app.config.http.request_timeout_ms);
        let done = tokio::select! {
            biased;
            done = tokio::time::timeout(limit, Outliving::new(work, &self.tasks)) => Some(done),
            () = self.lost() => None,
        };
        let answer = match done {
            Some(Ok(Ok(response))) => finish(response, &request_id),
            None => {
                let message = "The database cannot be reached. A mutation may still take effect.";
                Answer::Refused(Refusal::unavailable(message))
            }
            Some(Ok(Err(_panic))) => {
                // Its text was printed by the process's hook.
                tracing::error!(%request_id, "an operation panicked");
                Answer::Refused(Refusal::internal())
            }
            Some(Err(_)) => {
                tracing::warn!(%request_id, name = operation.name, "an operation took too long");
                let message = "The operation took too long. A mutation may still take effect.";
                Answer::Refused(Refusal::http(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, message))
            }
        };
        metrics::operation(&operation, outcome(&answer), started.elapsed());
        answer
    }

    /// Executes a query or a mutation. A query that was found valid before is not validated again, unless something is wrong
    /// with it after all: then what the validator says of it is the better answer.
    async fn run(&self, call: Call) -> Response {
        if call.operation.kind != OperationType::Query {
            return self.run_with(&self.schema, call).await;
        }
        let (document, shape) = (call.document.clone(), Shape::of(&call.operation, &call.params.variables));
        if document.passed(shape) {
            let again = Call { plan: call.plan.clone(), ..call.again() };
            let response = self.run_with(&self.lenient, call).await;
            // Only what a resolver says has a source.
            if response.errors.iter().all(|error| error.source.is_some()) {
                return response;
            }
            return self.run_with(&self.schema, again).await;
        }
        let response = self.run_with(&self.schema, call).await;
        if response.errors.is_empty() {
            document.pass(shape);
        }
        response
    }

    async fn run_with(&self, schema: &Schema, call: Call) -> Response {
        let (request, reader) = self.request(call);
        let (loaders, batches) = reader.driven_loaders();
        graphql::drive(pin!(schema.execute(request.data(loaders))), batches).await
    }

    /// The answers of any operation: one of a query or a mutation, any number of a subscription. Dropping it ends a
    /// subscription, but not a mutation.
    pub fn stream(&self, call: Call) -> BoxStream<'static, Answer> {
        if call.operation.kind != OperationType::Subscription {
            let edge = self.clone();
            return stream::once(async move { edge.execute(call).await }).boxed();
        }
        metrics::operation(&call.operation, "started", Duration::ZERO);
        let request_id = call.request_id.clone();
        let (request, reader) = self.request(call);
        let responses = self.schema.execute_stream(request.data(reader.spawned_loaders()));
        let state = (responses, request_id, false);
        stream::unfold(state, |(mut responses, request_id, ended)| async move {
            if ended {
                return None;
            }
            match AssertUnwindSafe(responses.next()).catch_unwind().await {
                Ok(response) => {
                    let answer = finish(response?, &request_id);
                    let ended = matches!(answer, Answer::Refused(_));
                    Some((answer, (responses, request_id, ended)))
                }
                Err(_) => {
                    tracing::error!(%request_id, "a subscription panicked");
                    Some((Answer::Refused(Refusal::internal()), (responses, request_id, true)))
                }
            }
        })
        .boxed()
    }

    /// Returns when the database is away and who works on has had the time to notice by themselves.
    async fn lost(&self) {
        self.app.db.away().await;
        tokio::time::sleep(NOTICE).await;
    }

    fn request(&self, call: Call) -> (Request, BatchReader) {
        let (parsed, shown) = match call.plan {
            Some((plan, shown)) => (plan.marked(), Some(shown)),
            None => (call.document.parsed(), None),
        };
        let Params { operation_name, variables, uploads, .. } = call.params;
        let mut request = Request::new("").variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(parsed);
        for (upload, paths) in uploads {
            for path in paths {
                // A clone shares the open file. Without it the variable stays null, and validation says so.
                if let Ok(upload) = upload.try_clone() {
                    request.set_upload(&path, upload);
                }
            }
        }
        let Identity { viewer, client, .. } = call.identity;
        let View { channel, locale } = call.view;
        let reader = BatchReader {
            app: self.app.clone(),
            viewer: viewer.clone(),
            channel: channel.clone(),
            locale: locale.clone(),
        };
        if !call.document.in_parts {
            request = request.data(AtOnce { shown });
        }
        if let Some(client) = client {
            request = request.data(client);
        }
        (request.data(self.app.clone()).data(viewer).data(channel).data(locale), reader)
    }

    /// A place for one more WebSocket or event stream, held until dropped. None when there are too many.
    pub fn open_stream(&self) -> Option<StreamSlot> {
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        let slot = StreamSlot(self.clone());
        metrics::open_streams(before + 1);
        (before < MAX_STREAMS).then_some(slot)
    }
}

/// See [`Edge::open_stream`].
pub struct StreamSlot(Edge);

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let before = self.0.streams.fetch_sub(1, Ordering::Relaxed);
        metrics::open_streams(before - 1);
    }
}

/// Gives every error its code and request id, masks and logs faults, and tells a refusal from an execution.
fn finish(mut response: Response, request_id: &RequestId) -> Answer {
    if response.errors.is_empty() {
        return Answer::Executed(response);
    }
    // Only a resolver gives an error its path or its source; what comes before execution has neither.
    let of_resolver = |error: &ServerError| !error.path.is_empty() || error.source.is_some();
    let executed = response.data != Value::Null || response.errors.iter().any(of_resolver);
    for error in &mut response.errors {
        if let Some(fault) = graphql::present(error) {
            tracing::error!(%request_id, path = ?error.path, fault, "a resolver failed");
        }
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            let code = if executed { BAD_USER_INPUT } else { code_of_refusal(&error.message) };
            error.extensions.get_or_insert_default().set("code", code);
        }
        refusal::finish(error, request_id);
    }
    if response.data == Value::Null && response.errors.iter().all(is_unavailable) {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Answer::Refused(Refusal { status, well_formed: false, errors: response.errors });
    }
    if executed {
        return Answer::Executed(response);
    }
    Answer::Refused(Refusal { status: StatusCode::BAD_REQUEST, well_formed: true, errors: response.errors })
}

/// The executor's own refusals have no code, only words.
fn code_of_refusal(message: &str) -> &'static str {
    const LIMITS: [&str; 4] = [
        "Query is too complex",
        "Query is nested too deep",
        "The recursion depth of the query",
        "The number of directives",
    ];
    const INPUT: [&str; 2] = ["Invalid value for argument", "Failed to parse"];
    if LIMITS.iter().any(|words| message.starts_with(words)) {
        LIMIT_EXCEEDED
    } else if INPUT.iter().any(|words| message.starts_with(words)) {
        BAD_USER_INPUT
    } else {
        VALIDATION_FAILED
    }
}

fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Answer::Executed(response) if response.errors.is_empty() => "ok",
        Answer::Executed(_) => "errors",
        Answer::Refused(_) => "refused",
    }
}
