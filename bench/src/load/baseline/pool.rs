//! A few connections with their statements prepared.

use std::ops::Deref;
use std::sync::Mutex;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::statements::Statements;

/// The connections that are free.
pub struct Pool {
    free: Mutex<Vec<Member>>,
    count: Semaphore,
}

/// A connection and what is prepared on it.
pub struct Member {
    pub client: Client,
    pub statements: Statements,
    pub channel_id: Uuid,
}

/// A connection until it is dropped.
pub struct Connection<'a> {
    pool: &'a Pool,
    member: Option<Member>,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    /// Opens so many.
    pub async fn connect(url: &str, connections: usize) -> anyhow::Result<Self> {
        let mut free = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute("SET pg_trgm.similarity_threshold = 0.2; SET jit = off").await?;
            let channel = client.query_one("SELECT id FROM channels WHERE is_default", &[]).await?;
            let statements = Statements::prepare(&client).await?;
            free.push(Member { client, statements, channel_id: channel.get(0) });
        }
        Ok(Self { free: Mutex::new(free), count: Semaphore::new(connections) })
    }

    /// The next free one.
    pub async fn get(&self) -> Connection<'_> {
        let permit = self.count.acquire().await.expect("nobody closes it");
        let member = self.free.lock().expect("no code panics while it is locked").pop();
        Connection { pool: self, member, _permit: permit }
    }
}

impl Deref for Connection<'_> {
    type Target = Member;
    fn deref(&self) -> &Member {
        self.member.as_ref().expect("there are as many members as permits")
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.pool.free.lock().expect("no code panics while it is locked").extend(self.member.take());
    }
}
