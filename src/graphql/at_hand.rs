//! Objects that are written at once, because all that is asked of them is there already.
//!
//! For every field the executor makes a future of its own and keeps book of it, which for a page of products costs more
//! than reading them. Most of what a list asks for came with its rows. [`AtHand`] writes such an object as JSON in one go,
//! and leaves it to the executor as soon as one field has to be waited for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};
use uuid::Uuid;

use crate::cache::mark;
use crate::channels::Channel;
use crate::locale::Locale;

use super::json;

/// Says what the fields of an object hold, without waiting.
pub trait HasAtHand: OutputType {
    /// Fields that never are: with one of them there is no use in beginning.
    const AWAITED: &'static [&'static str] = &[];

    /// About as many bytes as one takes: memory that grows step by step is copied at every step.
    const USUAL_BYTES: usize = 512;

    /// Writes the value of a field, the same as its resolver's; `None` when the resolver has to be asked.
    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()>;
}

/// Data of a request whose objects may be written at once: its answer is encoded by [`json::encode`], and it selects no
/// object in parts, which the executor would have to put together.
#[derive(Debug)]
pub struct AtOnce {
    /// Takes the ids that the cache asks for; none when it asks for none, and its alias is the client's own.
    pub shown: Option<Shown>,
}

/// The ids that were asked for under [`mark::ALIAS`] and stand in no answer.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<Mutex<Vec<Uuid>>>);

impl Shown {
    /// What was noted so far.
    pub fn take(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, ids: Vec<Uuid>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }
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
        match self.written(ctx, field) {
            Some(written) => Ok(written),
            None => self.0.resolve(ctx, field).await,
        }
    }
}

impl<T: HasAtHand> AtHand<T> {
    /// The object as JSON; `None` when it is the executor's.
    fn written(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> Option<Value> {
        let at_once = ctx.data_opt::<AtOnce>()?;
        let is_awaited = |selection: &Positioned<Selection>| match &selection.node {
            Selection::Field(field) => T::AWAITED.contains(&field.node.name.node.as_str()),
            _ => false,
        };
        if ctx.item.node.items.iter().any(is_awaited) {
            return None;
        }
        let asked = Asked {
            field: &field.node,
            set: &ctx.item.node,
            fragments: &ctx.query_env.fragments,
            channel: ctx.data_unchecked(),
            locale: ctx.data_unchecked(),
        };
        let mut writer = Writer {
            json: Vec::with_capacity(T::USUAL_BYTES),
            keys: Vec::new(),
            shown: at_once.shown.as_ref().map(|_| Vec::new()),
        };
        writer.whole(&asked, &self.0)?;
        if let (Some(shown), Some(ids)) = (&at_once.shown, writer.shown) {
            shown.note(ids);
        }
        Some(json::written(writer.json))
    }
}

/// A field of an object, and what is asked below it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    field: &'a Field,
    set: &'a SelectionSet,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The channel that the request is about.
    pub channel: &'a Channel,
    /// The language that the request gets texts in.
    pub locale: &'a Locale,
}

impl Asked<'_> {
    /// The name of the field in the schema.
    pub fn name(&self) -> &str {
        &self.field.name.node
    }
}

/// An object that is being written.
pub struct Writer<'a> {
    json: Vec<u8>,
    /// The response keys of the objects that are open.
    keys: Vec<&'a str>,
    /// See [`AtOnce::shown`].
    shown: Option<Vec<Uuid>>,
}

/// An object that is open.
struct Open<'w, F> {
    type_name: &'w str,
    /// Where in [`Writer::keys`] its own begin.
    keys: usize,
    write: F,
}

impl<'a> Writer<'a> {
    /// The object below a field that `value` is.
    pub fn whole<T: HasAtHand>(&mut self, asked: &Asked<'a>, value: &T) -> Option<()> {
        self.object(asked, &T::type_name(), |to, field| value.write(field, to))
    }

    /// An object below a field: what `write` says of each selected field. `None` when one of them is not at hand.
    pub fn object(
        &mut self,
        asked: &Asked<'a>,
        type_name: &str,
        write: impl Fn(&mut Self, &Asked<'a>) -> Option<()>,
    ) -> Option<()> {
        let open = Open { type_name, keys: self.keys.len(), write };
        self.json.push(b'{');
        self.fields(asked, &open)?;
        self.json.push(b'}');
        self.keys.truncate(open.keys);
        Some(())
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> Option<()> {
        json::push_text(&mut self.json, text);
        Some(())
    }

    /// A text that needs no escaping, such as a name of the schema.
    pub fn plain(&mut self, text: &str) -> Option<()> {
        self.json.push(b'"');
        self.json.extend_from_slice(text.as_bytes());
        self.json.push(b'"');
        Some(())
    }

    /// The same of what shows as such a text, such as an id.
    pub fn display(&mut self, value: impl Display) -> Option<()> {
        write!(self.json, "\"{value}\"").ok()
    }

    /// Texts.
    pub fn texts(&mut self, texts: &[String]) -> Option<()> {
        self.list(texts, |to, text| to.text(text))
    }

    /// True or false.
    pub fn boolean(&mut self, value: bool) -> Option<()> {
        self.json.extend_from_slice(if value { b"true" } else { b"false" });
        Some(())
    }

    /// A list: what `write` says of each item. `None` when one of them is not at hand.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T) -> Option<()>,
    ) -> Option<()> {
        self.json.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            write(self, item)?;
        }
        self.json.push(b']');
        Some(())
    }

    /// Nothing.
    pub fn null(&mut self) -> Option<()> {
        self.json.extend_from_slice(b"null");
        Some(())
    }

    fn fields(
        &mut self,
        asked: &Asked<'a>,
        open: &Open<'_, impl Fn(&mut Self, &Asked<'a>) -> Option<()>>,
    ) -> Option<()> {
        for selection in &asked.set.items {
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    let below = &field.node.selection_set.node;
                    self.field(&Asked { field: &field.node, set: below, ..*asked }, open)?;
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &asked.fragments.get(&spread.node.fragment_name.node)?.node;
                    (Some(&fragment.type_condition), &fragment.selection_set.node)
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set.node)
                }
            };
            if condition.is_some_and(|condition| condition.node.on.node != open.type_name) {
                return None;
            }
            self.fields(&Asked { set, ..*asked }, open)?;
        }
        Some(())
    }

    fn field(
        &mut self,
        asked: &Asked<'a>,
        open: &Open<'_, impl Fn(&mut Self, &Asked<'a>) -> Option<()>>,
    ) -> Option<()> {
        let field = asked.field;
        // A field with arguments or directives is the executor's, and so is an object that was selected twice: what is
        // below it would have to be put together.
        if !field.arguments.is_empty() || !field.directives.is_empty() {
            return None;
        }
        let key = field.response_key().node.as_str();
        if self.keys[open.keys..].contains(&key) {
            return asked.set.items.is_empty().then_some(());
        }
        let start = self.json.len();
        if self.keys.len() > open.keys {
            self.json.push(b',');
        }
        // A name has nothing to escape.
        self.plain(key)?;
        self.json.push(b':');
        let value = self.json.len();
        match asked.name() {
            "__typename" => self.plain(open.type_name)?,
            _ => (open.write)(self, asked)?,
        }
        if let Some(shown) = self.shown.as_mut().filter(|_| key == mark::ALIAS) {
            // The cache's question, not the client's.
            let id: String = serde_json::from_slice(&self.json[value..]).ok()?;
            shown.extend(crate::ids::decode(&id).map(|(_, id)| id));
            self.json.truncate(start);
        } else {
            self.keys.push(key);
        }
        Some(())
    }
}
