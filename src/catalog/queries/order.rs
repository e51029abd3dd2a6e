//! The order of a list of products, and the cursors that mark a place in it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid};
use serde::{Deserialize, Serialize};

use crate::catalog::filter::{ProductSort, ProductSortField, SortDirection};
use crate::catalog::model::{Fetched, Product};
use crate::catalog::selection::Base;
use crate::error::{Code, Error, Result};
use crate::ids::ProductId;
use crate::sql::Sql;

/// What stands in a cursor: the order that it belongs to, the sort keys of the row, its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cursor<'a>(Cow<'a, str>, Vec<SortValue>, ProductId);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum SortValue {
    Number(i64),
    Text(String),
}

/// A sort order that is total: the keys, then the id in the direction of the first key.
pub(super) struct Order {
    keys: Vec<ProductSort>,
    id: SortDirection,
}

/// Where the sort expressions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Over the tables.
    Of(Base),
    /// Over a part of the list that was cut out in its order, under the names of the tables.
    Walked(Base),
    /// Over what was found, under the names that [`Order::named`] gives.
    Found,
}

/// No price: last when ascending.
const NO_PRICE: i64 = i64::MAX;

impl Order {
    pub(super) fn new(sort: &[ProductSort]) -> Self {
        let newest_first = ProductSort { field: ProductSortField::CreatedAt, direction: SortDirection::Desc };
        let mut keys: Vec<ProductSort> = Vec::new();
        for key in sort {
            if keys.iter().all(|known| known.field != key.field) {
                keys.push(*key);
            }
        }
        if keys.is_empty() {
            keys.push(newest_first);
        }
        Self { id: keys[0].direction, keys }
    }

    /// Names the order, so that a cursor of another one is refused.
    pub(super) fn name(&self) -> String {
        let letter = |key: &ProductSort| match (key.field, key.direction) {
            (ProductSortField::Name, SortDirection::Asc) => 'n',
            (ProductSortField::Name, SortDirection::Desc) => 'N',
            (ProductSortField::CreatedAt, SortDirection::Asc) => 'c',
            (ProductSortField::CreatedAt, SortDirection::Desc) => 'C',
            (ProductSortField::Price, SortDirection::Asc) => 'p',
            (ProductSortField::Price, SortDirection::Desc) => 'P',
        };
        self.keys.iter().map(letter).collect()
    }

    /// Whether a price is needed to find a place in it.
    pub(super) fn by_price(&self) -> bool {
        self.keys.iter().any(|key| key.field == ProductSortField::Price)
    }

    /// The sort expressions, the id last.
    fn expressions(&self, place: Place) -> impl Iterator<Item = &'static str> {
        let expression = move |key: &ProductSort| match (key.field, place) {
            (ProductSortField::Name, Place::Of(Base::Channel) | Place::Walked(Base::Channel)) => "pc.name",
            (ProductSortField::Name, Place::Of(Base::Products) | Place::Walked(Base::Products)) => "p.name",
            (ProductSortField::Name, Place::Found) => "found.name_key",
            (ProductSortField::CreatedAt, Place::Of(Base::Channel) | Place::Walked(Base::Channel)) => {
                "pc.created_at"
            }
            (ProductSortField::CreatedAt, Place::Of(Base::Products) | Place::Walked(Base::Products)) => {
                "p.created_at"
            }
            (ProductSortField::CreatedAt, Place::Found) => "found.created_key",
            (ProductSortField::Price, Place::Of(_)) => "coalesce(pc.min_price, 9223372036854775807)",
            (ProductSortField::Price, Place::Walked(_)) => "pc.price_key",
            (ProductSortField::Price, Place::Found) => "found.price_key",
        };
        let id = match place {
            Place::Of(base) | Place::Walked(base) => base.id(),
            Place::Found => "found.product_id",
        };
        self.keys.iter().map(expression).chain([id])
    }

    /// The sort expressions over a place, named as they are called over [what was found](Place::Found).
    pub(super) fn named(&self, place: Place) -> String {
        let mut text = String::new();
        for (expression, name) in self.expressions(place).zip(self.expressions(Place::Found)) {
            let separator = if text.is_empty() { "" } else { ", " };
            text.extend([separator, expression, " AS ", name.trim_start_matches("found.")]);
        }
        text
    }

    fn directions(&self, backward: bool) -> impl Iterator<Item = bool> {
        let ascends = move |direction: SortDirection| (direction == SortDirection::Asc) != backward;
        self.keys.iter().map(move |key| ascends(key.direction)).chain([ascends(self.id)])
    }

    /// ` ORDER BY …`.
    pub(super) fn order_by(&self, place: Place, backward: bool) -> String {
        let mut text = String::from(" ORDER BY ");
        let mut separator = "";
        for (expression, ascends) in self.expressions(place).zip(self.directions(backward)) {
            text.extend([separator, expression, if ascends { "" } else { " DESC" }]);
            separator = ", ";
        }
        text
    }

    /// The place of a product.
    pub(super) fn cursor_of<'a>(&self, name: &'a str, product: &Product) -> Cursor<'a> {
        let value = |key: &ProductSort| match key.field {
            ProductSortField::Name => SortValue::Text(product.name.clone()),
            ProductSortField::CreatedAt => SortValue::Number(product.created_at.timestamp_micros()),
            ProductSortField::Price => SortValue::Number(match &product.prices {
                Fetched::Yes(Some((least, _))) => *least,
                _ => NO_PRICE,
            }),
        };
        Cursor(name.into(), self.keys.iter().map(value).collect(), product.id)
    }

    /// Appends the condition that a row comes after the cursor's. With one direction throughout it is a comparison of
    /// rows, which an index can follow; else it is spelled out key by key.
    pub(super) fn push_after<Row>(
        &self,
        sql: &mut Sql<'_, Row>,
        base: Base,
        cursor: Cursor<'_>,
        backward: bool,
    ) -> Result<()> {
        let foreign = || Error::request(Code::BadUserInput, "The cursor does not belong to this list.");
        let Cursor(name, values, id) = cursor;
        if name != self.name() || values.len() != self.keys.len() {
            return Err(foreign());
        }
        let mut bound = Vec::with_capacity(values.len() + 1);
        for (key, value) in self.keys.iter().zip(values) {
            bound.push(match (key.field, value) {
                (ProductSortField::Name, SortValue::Text(text)) if !text.contains('\0') => Bound::Text(text),
                (ProductSortField::Price, SortValue::Number(number)) => Bound::Number(number),
                (ProductSortField::CreatedAt, SortValue::Number(number)) => {
                    Bound::Time(DateTime::from_timestamp_micros(number).ok_or_else(foreign)?)
                }
                _ => return Err(foreign()),
            });
        }
        bound.push(Bound::Id(id));
        let expressions: Vec<_> = self.expressions(Place::Of(base)).collect();
        let directions: Vec<_> = self.directions(backward).collect();
        let operator = |ascends: bool| if ascends { ">" } else { "<" };
        if self.keys.len() > 1 {
            // For the index of the first key alone.
            sql.push(&format!(" AND {} {}= ?", expressions[0], operator(directions[0])));
            bound[0].add(sql);
        }
        if directions.iter().all(|&ascends| ascends == directions[0]) {
            let marks = vec!["?"; bound.len()].join(", ");
            sql.push(&format!(" AND ({}) {} ({marks})", expressions.join(", "), operator(directions[0])));
            for value in &bound {
                value.add(sql);
            }
            return Ok(());
        }
        sql.push(" AND (");
        for last in 0..expressions.len() {
            sql.push(if last == 0 { "(" } else { " OR (" });
            for key in 0..last {
                sql.push(&format!("{} = ? AND ", expressions[key]));
                bound[key].add(sql);
            }
            sql.push(&format!("{} {} ?)", expressions[last], operator(directions[last])));
            bound[last].add(sql);
        }
        sql.push(")");
        Ok(())
    }
}

enum Bound {
    Text(String),
    Number(i64),
    Time(DateTime<Utc>),
    Id(ProductId),
}

impl Bound {
    fn add<Row>(&self, sql: &mut Sql<'_, Row>) {
        match self {
            Bound::Text(text) => sql.add::<Text, _>(text.clone()),
            Bound::Number(number) => sql.add::<BigInt, _>(*number),
            Bound::Time(time) => sql.add::<Timestamptz, _>(*time),
            Bound::Id(id) => sql.add::<Uuid, _>(*id),
        }
    }
}
