//! Queries whose prepared statements are kept.
//!
//! diesel prepares anew by every call whatever may have many texts: `sql_query`, every UPDATE, every INSERT of columns
//! that have a default, every ON CONFLICT. That costs a round trip and a plan each. [`Sql`] is hand-written SQL that a
//! connection prepares once for each distinct text; [`Kept`] does the same for a query of diesel's. Values are bound,
//! never pasted.
//!
//! PostgreSQL plans a kept statement anew at every call as long as it believes that knowing the values pays: a plan for one id looks
//! cheaper than one for the ten that it assumes of an array. Planning a join takes several times as long as looking
//! one id up. So a list of ids that is mostly short is written `(SELECT ?)::uuid[]`: the planner does not look into it, and after
//! five calls keeps its plan.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::sync::{LazyLock, OnceLock, RwLock};

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};
use foldhash::HashSet;

/// How many [assembled](Sql::assembled) texts are kept. Filters and sort orders make many; without a limit a client could
/// fill the memory of the database with plans by asking for all of them.
const MAX_KEPT_TEXTS: usize = 256;

/// Their hashes.
static KEPT_TEXTS: LazyLock<RwLock<HashSet<u64>>> = LazyLock::new(RwLock::default);

/// Whether the plan for this text is kept: one of the first that were seen.
fn is_kept(text: &str) -> bool {
    let lock = "never poisoned: no code panics in it";
    let kept = KEPT_TEXTS.read().expect(lock);
    let hash = kept.hasher().hash_one(text);
    if kept.contains(&hash) {
        return true;
    }
    drop(kept);
    let mut kept = KEPT_TEXTS.write().expect(lock);
    kept.len() < MAX_KEPT_TEXTS && kept.insert(hash)
}

/// A statement. `Row` is the SQL type of its rows, a tuple as for `Queryable`; left out, rows load by name
/// (`QueryableByName`).
pub struct Sql<'a, Row = Untyped> {
    text: Cow<'static, str>,
    keep: Keeping,
    /// What [`is_kept`] says of the text: diesel asks several times.
    is_kept: OnceLock<bool>,
    binds: Vec<Box<dyn QueryFragment<Pg> + Send + 'a>>,
    row: PhantomData<fn() -> Row>,
}

/// Whether connections keep the prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Always,
    WhileFew,
    Never,
}

impl<'a, Row> Sql<'a, Row> {
    /// A fixed text, in which every `?` stands for a bound value (so it cannot use operators with a `?`). Its
    /// prepared statement is kept.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            keep: Keeping::Always,
            is_kept: OnceLock::new(),
            binds: Vec::new(),
            row: PhantomData,
        }
    }

    /// A text that depends on what a client asks for. Its prepared statement is kept if it is among the first.
    pub fn assembled(text: impl Into<Cow<'static, str>>) -> Self {
        Self { keep: Keeping::WhileFew, ..Self::new(text) }
    }

    /// The same, for texts of which there are so many that the next one is hardly ever the same.
    pub fn rare(mut self) -> Self {
        self.keep = Keeping::Never;
        self
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) {
        self.text.to_mut().push_str(text);
    }

    /// Binds the value of the next `?`.
    pub fn bind<ST: 'a, T: ToSql<ST, Pg> + Send + 'a>(mut self, value: T) -> Self
    where
        Pg: HasSqlType<ST>,
    {
        self.add::<ST, T>(value);
        self
    }

    /// Binds the value of the next `?` in place.
    pub fn add<ST: 'a, T: ToSql<ST, Pg> + Send + 'a>(&mut self, value: T)
    where
        Pg: HasSqlType<ST>,
    {
        self.binds.push(Box::new(Bind::<ST, T> { value, sql_type: PhantomData }));
    }
}

struct Bind<ST, T> {
    value: T,
    sql_type: PhantomData<fn() -> ST>,
}

impl<ST, T: ToSql<ST, Pg>> QueryFragment<Pg> for Bind<ST, T>
where
    Pg: HasSqlType<ST>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_bind_param(&self.value)
    }
}

impl<Row> QueryFragment<Pg> for Sql<'_, Row> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let kept = match self.keep {
            Keeping::Always => true,
            Keeping::WhileFew => *self.is_kept.get_or_init(|| is_kept(&self.text)),
            Keeping::Never => false,
        };
        if !kept {
            pass.unsafe_to_cache_prepared();
        }
        let mut pieces = self.text.split('?');
        pass.push_sql(pieces.next().unwrap_or_default());
        for (piece, bind) in pieces.by_ref().zip(&self.binds) {
            bind.walk_ast(pass.reborrow())?;
            pass.push_sql(piece);
        }
        debug_assert!(pieces.next().is_none(), "a value is missing in {}", self.text);
        Ok(())
    }
}

impl<Row> QueryId for Sql<'_, Row> {
    type QueryId = ();
    // The text itself is the key of the statement cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Sql<'_, Row> {
    type SqlType = Row;
}

/// A query of diesel's whose prepared statement is kept. See [`Keep`].
pub struct Kept<Q>(Q);

/// For queries that diesel would prepare anew by every call.
pub trait Keep: Sized {
    /// Keeps its prepared statement. Its text must be one of few: not an INSERT of any number of rows, not a filter that a
    /// client puts together.
    fn kept(self) -> Kept<Self> {
        Kept(self)
    }
}

impl<Q: QueryFragment<Pg>> Keep for Q {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Kept<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    // The text itself is the key of the statement cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

/// A PostgreSQL array literal: an array within an array of arrays, which `unnest` would flatten.
pub fn array_literal<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let mut literal = String::from("{");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        let mut rest = item.as_ref();
        while let Some(at) = rest.find(['"', '\\']) {
            literal.push_str(&rest[..at]);
            literal.push('\\');
            literal.push_str(&rest[at..=at]);
            rest = &rest[at + 1..];
        }
        literal.push_str(rest);
        literal.push('"');
    }
    literal.push('}');
    literal
}

#[cfg(test)]
mod tests {
    use super::array_literal;

    #[test]
    fn array_literals_quote_what_they_hold() {
        assert_eq!(array_literal(["S", "16 oz", "a\"b\\c", "{}", ""]), r#"{"S","16 oz","a\"b\\c","{}",""}"#);
        assert_eq!(array_literal(Vec::<&str>::new()), "{}");
    }
}
