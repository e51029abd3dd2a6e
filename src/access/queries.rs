//! SQL of users, roles, sessions and refresh tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{CustomerId, RoleId, SessionId, UserId};
use crate::schema::{customers, refresh_tokens, roles, sessions, user_roles, users};

use super::User;
use super::permission::PermissionSet;

/// Who a session belongs to, and what that person may do.
pub(super) struct Standing {
    pub customer_id: Option<CustomerId>,
    pub permissions: PermissionSet,
}

/// The standing of a live session of an enabled user. One statement: it runs for every signed-in request.
pub(super) async fn find_standing(
    conn: &mut Conn,
    session_id: SessionId,
    user_id: UserId,
    now: DateTime<Utc>,
) -> QueryResult<Option<Standing>> {
    type Row = (Option<CustomerId>, Option<bool>, Option<Vec<String>>);
    let of_user =
        users::table.left_join(customers::table).left_join(user_roles::table.inner_join(roles::table));
    // One row for every role, and one for a user without any.
    let rows: Vec<Row> = sessions::table
        .inner_join(of_user)
        .filter(sessions::id.eq(session_id).and(sessions::user_id.eq(user_id)))
        .filter(sessions::revoked_at.is_null().and(sessions::expires_at.gt(now)))
        .filter(users::disabled_at.is_null())
        .select((customers::id.nullable(), roles::is_owner.nullable(), roles::permissions.nullable()))
        .load(conn)
        .await?;
    let [(customer_id, ..), ..] = rows[..] else { return Ok(None) };
    let permissions = rows.iter().map(|(_, is_owner, names)| match (is_owner, names) {
        (Some(true), _) => PermissionSet::all(),
        (_, Some(names)) => PermissionSet::from_names(names.iter().map(String::as_str)),
        (_, None) => PermissionSet::EMPTY,
    });
    let permissions = permissions.fold(PermissionSet::EMPTY, PermissionSet::union);
    Ok(Some(Standing { customer_id, permissions }))
}

/// A user by id.
pub async fn find_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<User>> {
    users::table.find(id).select(User::as_select()).first(conn).await.optional()
}

pub(super) async fn find_user_id(conn: &mut Conn, email: &str) -> QueryResult<Option<UserId>> {
    users::table.filter(users::email.eq(email)).select(users::id).first(conn).await.optional()
}

/// What signing in needs to know.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct Credentials {
    pub id: UserId,
    pub password_hash: String,
    pub disabled_at: Option<DateTime<Utc>>,
}

pub(super) async fn find_credentials(conn: &mut Conn, email: &str) -> QueryResult<Option<Credentials>> {
    users::table.filter(users::email.eq(email)).select(Credentials::as_select()).first(conn).await.optional()
}

/// False when the email is taken.
pub(super) async fn insert_user(
    conn: &mut Conn,
    id: UserId,
    email: &str,
    password_hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let inserted = diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::email.eq(email),
            users::password_hash.eq(password_hash),
            users::created_at.eq(now),
            users::updated_at.eq(now),
        ))
        .on_conflict(users::email)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

/// Replaces a hash unless the password was changed since it was read.
pub(super) async fn replace_hash(conn: &mut Conn, id: UserId, old: &str, new: &str) -> QueryResult<usize> {
    diesel::update(users::table.find(id).filter(users::password_hash.eq(old)))
        .set(users::password_hash.eq(new))
        .execute(conn)
        .await
}

pub(super) async fn list_roles(conn: &mut Conn, names: &[&str]) -> QueryResult<Vec<(RoleId, String)>> {
    roles::table.filter(roles::name.eq_any(names)).select((roles::id, roles::name)).load(conn).await
}

pub(super) async fn give_roles(
    conn: &mut Conn,
    user_id: UserId,
    role_ids: impl Iterator<Item = RoleId>,
) -> QueryResult<usize> {
    let rows: Vec<_> =
        role_ids.map(|role_id| (user_roles::user_id.eq(user_id), user_roles::role_id.eq(role_id))).collect();
    diesel::insert_into(user_roles::table).values(rows).execute(conn).await
}

/// A page of users by id, each with the names of its roles in order.
pub(super) async fn list_users(
    conn: &mut Conn,
    after: Option<UserId>,
    limit: i64,
    staff_only: bool,
) -> QueryResult<Vec<(User, Vec<String>)>> {
    let mut query = users::table.order(users::id).limit(limit).select(User::as_select()).into_boxed();
    if let Some(after) = after {
        query = query.filter(users::id.gt(after));
    }
    if staff_only {
        query =
            query.filter(diesel::dsl::exists(user_roles::table.filter(user_roles::user_id.eq(users::id))));
    }
    let found: Vec<User> = query.load(conn).await?;
    let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
    let held: Vec<(UserId, String)> = user_roles::table
        .inner_join(roles::table)
        .filter(user_roles::user_id.eq_any(&ids))
        .order(roles::name)
        .select((user_roles::user_id, roles::name))
        .load(conn)
        .await?;
    let roles_of =
        |id: UserId| held.iter().filter(move |(user_id, _)| *user_id == id).map(|(_, name)| name.clone());
    Ok(found.into_iter().map(|user| (user.clone(), roles_of(user.id).collect())).collect())
}

/// Locks the user. False when there is none or it is disabled already.
pub(super) async fn disable_user(conn: &mut Conn, id: UserId, now: DateTime<Utc>) -> QueryResult<bool> {
    let changed = diesel::update(users::table.find(id).filter(users::disabled_at.is_null()))
        .set((users::disabled_at.eq(now), users::updated_at.eq(now), users::version.eq(users::version + 1)))
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// A session, as a refresh needs it.
pub(super) struct LiveSession {
    pub user_id: UserId,
    pub expires_at: DateTime<Utc>,
}

pub(super) async fn insert_session(
    conn: &mut Conn,
    id: SessionId,
    session: &LiveSession,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(session.user_id),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(session.expires_at),
        ))
        .execute(conn)
        .await
}

/// The session, if it still counts and its user is enabled.
pub(super) async fn find_live_session(
    conn: &mut Conn,
    id: SessionId,
    now: DateTime<Utc>,
) -> QueryResult<Option<LiveSession>> {
    let found = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id).and(sessions::revoked_at.is_null()).and(sessions::expires_at.gt(now)))
        .filter(users::disabled_at.is_null())
        .select((sessions::user_id, sessions::expires_at))
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|(user_id, expires_at)| LiveSession { user_id, expires_at }))
}

/// Ends a session; one that has ended stays as it ended.
pub(super) async fn revoke_session(
    conn: &mut Conn,
    id: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(sessions::table.find(id).filter(sessions::revoked_at.is_null()))
        .set((sessions::revoked_at.eq(now), sessions::revoked_reason.eq(reason)))
        .execute(conn)
        .await
}

/// Ends every session of a user.
pub(super) async fn revoke_sessions_of(
    conn: &mut Conn,
    user_id: UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let live = sessions::table.filter(sessions::user_id.eq(user_id).and(sessions::revoked_at.is_null()));
    diesel::update(live)
        .set((sessions::revoked_at.eq(now), sessions::revoked_reason.eq(reason)))
        .execute(conn)
        .await
}

pub(super) async fn insert_refresh_token(
    conn: &mut Conn,
    token_hash: &[u8],
    session_id: SessionId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(token_hash),
            refresh_tokens::session_id.eq(session_id),
            refresh_tokens::created_at.eq(now),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(conn)
        .await
}

/// Spends a token and gives its session; `None` when it is spent already, expired or unknown. Of two at once, one
/// waits for the other's row lock and then finds it spent.
pub(super) async fn spend_refresh_token(
    conn: &mut Conn,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Option<SessionId>> {
    let unspent = refresh_tokens::table
        .find(token_hash)
        .filter(refresh_tokens::used_at.is_null().and(refresh_tokens::expires_at.gt(now)));
    diesel::update(unspent)
        .set(refresh_tokens::used_at.eq(now))
        .returning(refresh_tokens::session_id)
        .get_result(conn)
        .await
        .optional()
}

/// The session of a token that was spent before.
pub(super) async fn find_session_of_spent_token(
    conn: &mut Conn,
    token_hash: &[u8],
) -> QueryResult<Option<SessionId>> {
    refresh_tokens::table
        .find(token_hash)
        .filter(refresh_tokens::used_at.is_not_null())
        .select(refresh_tokens::session_id)
        .first(conn)
        .await
        .optional()
}

/// Deletes at most `limit` sessions, with their refresh tokens.
pub(super) async fn delete_sessions_expired_before(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM sessions WHERE id IN \
         (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}
