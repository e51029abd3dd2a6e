//! The SQL of placing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::PromotionId;
use crate::sql::Keep;

/// Counts a use of a promotion; false when it is used up.
pub(super) async fn use_promotion(conn: &mut Conn, id: PromotionId) -> QueryResult<bool> {
    let used = diesel::sql_query(
        "UPDATE promotions SET used_count = used_count + $2 \
         WHERE id = $1 AND (usage_limit IS NULL OR used_count < usage_limit)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<BigInt, _>(1)
    .kept()
    .execute(conn)
    .await?;
    Ok(used == 1)
}
