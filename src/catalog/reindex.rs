//! Writing anew what products are found by.

use diesel_async::AsyncConnection;

use crate::db::Conn;
use crate::error::Result;
use crate::ids::ProductId;

use super::queries;

/// Writes the words and terms of the next `size` products after one anew, by id; the last of them, `None` after the last of
/// all. The products are locked for as long as that takes; those that somebody else is writing are waited for afterwards
/// and one by one, so that nobody is deadlocked. May be repeated.
pub async fn reindex(conn: &mut Conn, after: Option<ProductId>, size: i64) -> Result<Option<ProductId>> {
    let ids = queries::reindex::next(conn, after, size).await?;
    let Some(&last) = ids.last() else { return Ok(None) };
    let done = conn
        .transaction(async |conn| {
            queries::reindex::write(conn, &ids, queries::reindex::Busy::PassedOver).await
        })
        .await?;
    for id in ids.iter().filter(|id| !done.contains(id)) {
        conn.transaction(async |conn| {
            queries::reindex::write(conn, &[*id], queries::reindex::Busy::WaitedFor).await
        })
        .await?;
    }
    Ok(Some(last))
}
