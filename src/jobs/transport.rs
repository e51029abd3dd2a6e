//! The road from the ledger to the workers: envelopes in Redis, taken and run by apalis. The only module that names apalis.
//!
//! Per queue there is one sorted set under the name that apalis-redis gives to a queue's active tasks; a member is a job's
//! id, its score the order: priority, then age. So a job is in it at most once however often it is pushed, and what is
//! urgent overtakes what waits. All keys share a `{tag}` and live on one node of a cluster.
//!
//! [`Road`] is the relay's side. [`consume`] is the worker's: an apalis [`Backend`] over that set. The storage of
//! apalis-redis is not used, because a record of tasks in Redis is what the ledger replaces; nothing here needs
//! acknowledgement, heartbeats or retries. An envelope that is lost is pushed again.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{Monitor, ParallelizeExt, Task, TaskBuilder, WorkerBuilder, WorkerContext};
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::task_id::RandomId;
use apalis_redis::{Client, Config, ConnectionManager};
use redis::aio::{ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncConnectionConfig, RedisResult, Script};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::order::{Plan, Turn};
use super::worker::Gate;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A push of a few hundred envelopes takes a millisecond; a Redis that needs this long is as good as gone.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an idle worker waits for an envelope at a time; also how long it takes at most to stop.
const BLOCK_S: u64 = 1;
/// Most envelopes taken at once.
const FETCH: usize = 200;

/// The names of things in Redis.
#[derive(Debug, Clone)]
struct Keys {
    tag: String,
}

impl Keys {
    fn new(prefix: &str) -> Self {
        let tag = if prefix.contains('{') { prefix.to_owned() } else { format!("{{{prefix}}}") };
        Self { tag }
    }

    fn config(&self, queue: &str) -> Config {
        Config::default().queue(format!("{}:jobs:{queue}", self.tag)).batch_size(FETCH)
    }

    fn queue(&self, queue: &str) -> String {
        self.config(queue).active_jobs_list()
    }

    fn epoch(&self) -> String {
        format!("{}:jobs:epoch", self.tag)
    }
}

/// An envelope to be pushed.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// The job.
    pub job_id: Uuid,
    /// Higher first.
    pub priority: i16,
    /// Then earlier first; seconds since 1970. Within a second, ids decide: they are time-ordered.
    pub due_second: i64,
}

impl Envelope {
    /// Sorted sets give the lowest score first. Exact: 2^15 priorities times 2^34 seconds are below 2^53.
    fn score(&self) -> i64 {
        -i64::from(self.priority) * (1 << 34) + self.due_second.clamp(0, (1 << 34) - 1)
    }
}

/// What Redis holds.
#[derive(Debug)]
pub struct Survey {
    /// The epoch that it was given, if it still has it.
    pub epoch: Option<Uuid>,
    /// How many envelopes wait in each queue.
    pub waiting: Vec<usize>,
}

/// The relay's side of the road.
pub struct Road {
    client: Client,
    keys: Keys,
    conn: Option<ConnectionManager>,
    push: Script,
}

impl Road {
    /// Connects when first used.
    pub fn new(client: Client, prefix: &str) -> Self {
        // Checking the epoch and pushing are one step: nothing is pushed onto a Redis that forgot what came before.
        let push = Script::new(
            "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
             for i = 2, #ARGV, 1000 do \
                 redis.call('ZADD', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV))) \
             end \
             return 1",
        );
        Self { client, keys: Keys::new(prefix), conn: None, push }
    }

    /// The epoch, and the lengths of these queues. One round trip.
    pub async fn survey(&mut self, queues: &[String]) -> RedisResult<Survey> {
        let mut pipe = redis::pipe();
        pipe.get(self.keys.epoch());
        for queue in queues {
            pipe.zcard(self.keys.queue(queue));
        }
        let mut conn = self.conn().await?;
        let answer: RedisResult<Vec<redis::Value>> = pipe.query_async(&mut conn).await;
        let mut values = self.settle(answer)?.into_iter();
        let epoch: Option<String> = values.next().map(redis::from_redis_value).transpose()?.flatten();
        let waiting = values.map(redis::from_redis_value).collect::<Result<_, _>>()?;
        Ok(Survey { epoch: epoch.and_then(|epoch| epoch.parse().ok()), waiting })
    }

    /// Pushes envelopes, at most a thousand. False, and nothing pushed, when Redis has another epoch.
    pub async fn push(&mut self, epoch: Uuid, queue: &str, envelopes: &[Envelope]) -> RedisResult<bool> {
        let mut conn = self.conn().await?;
        let mut call = self.push.prepare_invoke();
        call.key(self.keys.epoch()).key(self.keys.queue(queue)).arg(epoch.to_string());
        for envelope in envelopes {
            call.arg(envelope.score()).arg(envelope.job_id.to_string());
        }
        let answer: RedisResult<bool> = call.invoke_async(&mut conn).await;
        self.settle(answer)
    }

    /// Gives Redis an epoch.
    pub async fn set_epoch(&mut self, epoch: Uuid) -> RedisResult<()> {
        let mut conn = self.conn().await?;
        let mut command = redis::cmd("SET");
        command.arg(self.keys.epoch()).arg(epoch.to_string());
        let answer = command.query_async(&mut conn).await;
        self.settle(answer)
    }

    async fn conn(&mut self) -> RedisResult<ConnectionManager> {
        if let Some(conn) = &self.conn {
            return Ok(conn.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let conn = self.client.get_connection_manager_with_config(config).await?;
        self.conn = Some(conn.clone());
        Ok(conn)
    }

    fn settle<T>(&mut self, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.is_err() {
            self.conn = None;
        }
        answer
    }
}

/// The source of an apalis worker: gives out what [`Fetcher`] took from Redis. It neither fails nor ends.
struct Source<T> {
    config: Config,
    inbox: Inbox<T>,
}

type Inbox<T> = Arc<Mutex<mpsc::UnboundedReceiver<T>>>;

impl<T> Backend for Source<T> {
    type Task = Task<T>;
    type Error = apalis_redis::Error;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        let mut inbox = self.inbox.lock().expect("nothing panics while it holds this");
        match inbox.poll_recv(cx) {
            Poll::Ready(Some(delivery)) => {
                let task = TaskBuilder::new(delivery).queue(self.config.queue.clone()).build();
                Poll::Ready(Some(Ok(task)))
            }
            // The fetcher stops before the worker does; what ends the worker is its own shutdown.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for Source<T> {
    type Args = T;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = Config;
    type Layer = Identity;

    fn config(&self) -> &Config {
        &self.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

/// What [`consume`] needs to know.
pub struct Consumer {
    /// Redis.
    pub client: Client,
    /// What every key begins with.
    pub prefix: String,
    /// The queues to take from.
    pub plan: Plan,
    /// Unique for every start.
    pub worker: String,
    /// How much may be in hand.
    pub gate: Gate,
}

/// Takes envelopes, hands each job's id to `accept` in the order of priority and age, and has apalis run `handle` on what that
/// gives, until `stop`, and then until what is in hand is done. What was accepted and not handled is dropped. Redis may go
/// and come back: that is waited out.
///
/// An error means that apalis gave up, which it has no reason to.
pub async fn consume<T, F>(
    consumer: Consumer,
    stop: CancellationToken,
    accept: impl Fn(Uuid) -> T + Send + 'static,
    handle: impl Fn(T) -> F + Clone + Send + Sync + 'static,
) -> anyhow::Result<()>
where
    T: Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let keys = Keys::new(&consumer.prefix);
    let (sender, receiver) = mpsc::unbounded_channel();
    let inbox: Inbox<T> = Arc::new(Mutex::new(receiver));
    let queues = consumer.plan.names();
    let names = queues.iter().map(|queue| keys.queue(queue)).collect();
    let fetcher = Fetcher { client: consumer.client, names, plan: consumer.plan, gate: consumer.gate };
    let take_in = move |job_id| {
        // The receiver lives as long as this function.
        let _ = sender.send(accept(job_id));
    };
    let fetching = tokio::spawn(fetcher.run(take_in, stop.clone()));

    let config = keys.config(&queues.join("+"));
    let source = inbox.clone();
    let name = consumer.worker;
    let monitor = Monitor::new()
        .register(move |restarts| {
            let handle = handle.clone();
            let run = move |delivery: T| {
                let running = handle(delivery);
                async move {
                    running.await;
                    Ok::<(), Infallible>(())
                }
            };
            WorkerBuilder::new(format!("{name}-{restarts}"))
                .backend(Source { config: config.clone(), inbox: source.clone() })
                .parallelize(tokio::spawn)
                .build(run)
        })
        .should_restart(|worker, error| {
            tracing::error!(worker = worker.name(), %error, "an apalis worker ended; it is started again");
            true
        });
    let signal = stop.clone();
    let outcome = monitor
        .run_with_signal(async move {
            signal.cancelled().await;
            Ok(())
        })
        .await;
    outcome.map_err(|error| anyhow::anyhow!("the apalis monitor failed: {error}"))?;
    anyhow::ensure!(stop.is_cancelled(), "the apalis monitor ended without being told to");
    fetching.await?;
    Ok(())
}

/// Takes envelopes out of Redis as the gate allows.
struct Fetcher {
    client: Client,
    /// By position in the plan.
    names: Vec<String>,
    plan: Plan,
    gate: Gate,
}

impl Fetcher {
    async fn run(self, take_in: impl Fn(Uuid), stop: CancellationToken) {
        // First its own places for each queue; then what is left over, to the queues in the order of their turns.
        let pop = Script::new(
            "local taken = {} \
             local function take(key, count) \
                 if count <= 0 then return end \
                 local members = redis.call('ZPOPMIN', key, count) \
                 for i = 1, #members, 2 do taken[#taken + 1] = members[i] end \
             end \
             for i, key in ipairs(KEYS) do take(key, tonumber(ARGV[i + 1])) end \
             for _, key in ipairs(KEYS) do take(key, tonumber(ARGV[1]) - #taken) end \
             return taken",
        );
        let mut conn = None;
        let mut wait = Duration::from_millis(50);
        while !stop.is_cancelled() {
            let room = tokio::select! {
                () = stop.cancelled() => return,
                room = self.gate.room() => room.min(FETCH),
            };
            match self.take(&mut conn, &pop, room).await {
                Ok(taken) => {
                    wait = Duration::from_millis(50);
                    for member in taken {
                        // What somebody else wrote under our key is nobody's job.
                        let Ok(job_id) = member.parse() else { continue };
                        take_in(job_id);
                    }
                }
                Err(error) => {
                    conn = None;
                    tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "Redis cannot be reached");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                    wait = (wait * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    /// Up to `room` envelopes; waits for the first one, a second at most. Not to be dropped half-way: what Redis gave
    /// would be lost for half a minute.
    async fn take(
        &self,
        conn: &mut Option<MultiplexedConnection>,
        pop: &Script,
        room: usize,
    ) -> RedisResult<Vec<String>> {
        let conn = match conn {
            Some(conn) => conn,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(RESPONSE_TIMEOUT + Duration::from_secs(BLOCK_S)));
                conn.insert(self.client.get_multiplexed_async_connection_with_config(&config).await?)
            }
        };
        let turns = self.plan.draw(room, &mut rand::rng());
        let names: Vec<_> = turns.iter().map(|turn| self.names[turn.queue].as_str()).collect();
        let mut call = pop.prepare_invoke();
        call.arg(room);
        for (name, Turn { places, .. }) in names.iter().zip(&turns) {
            call.key(name).arg(*places);
        }
        let taken: Vec<String> = call.invoke_async(conn).await?;
        if !taken.is_empty() {
            return Ok(taken);
        }
        let mut command = redis::cmd("BZPOPMIN");
        command.arg(names).arg(BLOCK_S);
        let first: Option<(String, String, f64)> = command.query_async(conn).await?;
        Ok(first.into_iter().map(|(_, member, _)| member).collect())
    }
}
