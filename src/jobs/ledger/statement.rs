//! Hand-written SQL that a connection prepares once.
//!
//! `diesel::sql_query` prepares its text at every use, which doubles the round trips of the statements that run
//! for every batch of jobs. diesel caches whatever does not ask it not to, by its text.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::expression::expression_types::Untyped;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// A statement with `$1`, `$2`, … in its text; give each a value by [`Statement::bind`], in order.
pub fn statement(sql: &'static str) -> Statement {
    Statement(sql)
}

/// See [`statement`].
pub struct Statement(&'static str);

/// A statement and a value for one more of its parameters.
pub struct Bind<S, V, T> {
    statement: S,
    value: V,
    sql_type: PhantomData<T>,
}

impl Statement {
    /// A value for `$1`.
    pub fn bind<T, V>(self, value: V) -> Bind<Self, V, T> {
        Bind { statement: self, value, sql_type: PhantomData }
    }
}

impl<S, V, T> Bind<S, V, T> {
    /// A value for the next parameter.
    pub fn bind<T2, V2>(self, value: V2) -> Bind<Self, V2, T2> {
        Bind { statement: self, value, sql_type: PhantomData }
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.0);
        // diesel writes the placeholder of each value that it collects; behind this they are a comment.
        out.push_sql("\n--");
        Ok(())
    }
}

impl<S, V, T> QueryFragment<Pg> for Bind<S, V, T>
where
    S: QueryFragment<Pg>,
    V: ToSql<T, Pg>,
    Pg: HasSqlType<T>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.statement.walk_ast(out.reborrow())?;
        out.push_sql(" ");
        out.push_bind_param::<T, V>(&self.value)
    }
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S, V, T> QueryId for Bind<S, V, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<S, V, T> Query for Bind<S, V, T> {
    type SqlType = Untyped;
}
