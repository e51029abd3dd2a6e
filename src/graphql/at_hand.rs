//! Objects that are written at once, because all that is asked of them is there already.
//!
//! For every field the executor makes a future of its own and keeps book of it, which for a page of products costs more
//! than reading them. Most of what a list asks for came with its rows. [`AtHand`] writes such an object in one go, and
//! leaves it to the executor as soon as one field has to be waited for.

use std::borrow::Cow;
use std::collections::HashMap;

use async_graphql::parser::types::{Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value, indexmap::IndexMap,
};

use crate::channels::Channel;
use crate::locale::Locale;

/// Says what the fields of an object hold, without waiting.
pub trait HasAtHand: OutputType {
    /// The value of a field, the same as its resolver's; `None` when the resolver has to be asked.
    fn at_hand(&self, field: &Asked<'_>) -> Option<Value>;
}

/// An object that is written at once where that is possible. In the schema it is what it holds.
pub struct AtHand<T>(pub T);

impl<T: HasAtHand> OutputType for AtHand<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let asked = Asked {
            field: &field.node,
            set: &ctx.item.node,
            fragments: &ctx.query_env.fragments,
            channel: ctx.data_unchecked(),
            locale: ctx.data_unchecked(),
        };
        match asked.object(&T::type_name(), |field| self.0.at_hand(field)) {
            Some(value) => Ok(value),
            None => self.0.resolve(ctx, field).await,
        }
    }
}

/// A field of an object, and what is asked below it.
pub struct Asked<'a> {
    field: &'a Field,
    set: &'a SelectionSet,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The channel that the request is about.
    pub channel: &'a Channel,
    /// The language that the request gets texts in.
    pub locale: &'a Locale,
}

impl<'a> Asked<'a> {
    /// The name of the field in the schema.
    pub fn name(&self) -> &str {
        &self.field.name.node
    }

    /// An object below this field: what `at_hand` says of each selected field. `None` when one of them is not at hand.
    pub fn object(&self, type_name: &str, at_hand: impl Fn(&Asked<'_>) -> Option<Value>) -> Option<Value> {
        let mut fields = IndexMap::with_capacity(self.set.items.len());
        self.write(self.set, type_name, &at_hand, &mut fields)?;
        Some(Value::Object(fields))
    }

    fn write(
        &self,
        set: &'a SelectionSet,
        type_name: &str,
        at_hand: &impl Fn(&Asked<'_>) -> Option<Value>,
        fields: &mut IndexMap<Name, Value>,
    ) -> Option<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    // A field with arguments or directives is the executor's, and so is one that was selected twice:
                    // what is below it would have to be merged.
                    if !field.arguments.is_empty() || !field.directives.is_empty() {
                        return None;
                    }
                    let below = &field.selection_set.node;
                    let asked = Asked { field, set: below, ..*self };
                    let value = match asked.name() {
                        "__typename" => Value::String(type_name.to_owned()),
                        _ => at_hand(&asked)?,
                    };
                    if fields.insert(field.response_key().node.clone(), value).is_some()
                        && !below.items.is_empty()
                    {
                        return None;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &self.fragments.get(&spread.node.fragment_name.node)?.node;
                    if fragment.type_condition.node.on.node != type_name {
                        return None;
                    }
                    self.write(&fragment.selection_set.node, type_name, at_hand, fields)?;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    if condition.is_some_and(|condition| condition.node.on.node != type_name) {
                        return None;
                    }
                    self.write(&fragment.node.selection_set.node, type_name, at_hand, fields)?;
                }
            }
        }
        Some(())
    }
}
