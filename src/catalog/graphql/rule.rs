//! Rules of collections: reading and entering them.

use async_graphql::{Context, InputObject, Result, SimpleObject};

use crate::access::Permission;
use crate::app::App;
use crate::catalog::queries::rules::RuleOf;
use crate::catalog::rules::{Condition, Field, Match, Operator, Rule};
use crate::channels;
use crate::channels::graphql::Channel;
use crate::error::{Error, Reason, Rejection};
use crate::graphql::ContextExt;
use crate::ids::{ChannelId, CollectionId};

/// Which products are members of a collection.
#[derive(SimpleObject)]
pub struct CollectionRule {
    /// How the conditions go together.
    #[graphql(name = "match")]
    matching: Match,
    /// The conditions.
    conditions: Vec<CollectionRuleCondition>,
    /// False while the rule is being worked over the products after a change.
    applied: bool,
}

/// A condition of a rule.
#[derive(SimpleObject)]
pub struct CollectionRuleCondition {
    /// What it looks at.
    field: Field,
    /// How it compares.
    operator: Operator,
    /// With what.
    value: String,
    /// The code of the attribute, for ATTRIBUTE.
    attribute: Option<String>,
    /// The channel of the price, for PRICE.
    channel: Option<Channel>,
}

/// Which products are members of a collection.
#[derive(InputObject)]
pub struct CollectionRuleInput {
    /// How the conditions go together.
    #[graphql(name = "match", default_with = "Match::All")]
    matching: Match,
    /// 1 to 50 conditions.
    conditions: Vec<CollectionRuleConditionInput>,
}

/// A condition of a rule.
#[derive(InputObject)]
pub struct CollectionRuleConditionInput {
    /// What it looks at.
    field: Field,
    /// How it compares.
    operator: Operator,
    /// With what: a text of 1 to 255 characters; an amount such as `"20.00"` for PRICE; `"true"` or `"false"` for AVAILABLE; a
    /// number, a date such as `"2026-12-01"` or a text for ATTRIBUTE.
    value: String,
    /// The code of the attribute; needed for ATTRIBUTE.
    attribute: Option<String>,
    /// The channel of the price, for PRICE; that of the request when left out.
    channel_id: Option<ChannelId>,
}

impl CollectionRuleInput {
    /// The checked rule.
    pub(super) async fn read(self, app: &App, current: &channels::Channel) -> Result<Rule, Error> {
        let mut conditions = Vec::with_capacity(self.conditions.len());
        let mut rejections = Vec::new();
        let under = |mut rejection: Rejection, path: &[&str]| {
            let rest = std::mem::take(&mut rejection.field);
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).chain(rest).collect();
            rejection.at(path)
        };
        for (index, input) in self.conditions.into_iter().enumerate() {
            let index = index.to_string();
            let path = ["input", "rule", "conditions", index.as_str()];
            let CollectionRuleConditionInput { field, operator, value, attribute, channel_id } = input;
            let channel = match channel_id {
                None => Some(current.clone()),
                Some(id) => app.channels.by_id(&app.db, id).await?,
            };
            let condition = match channel {
                Some(channel) => Condition::new(field, operator, value, attribute, &channel),
                None => Err(Rejection::new(Reason::NotFound, "There is no such channel.").at(["channelId"])),
            };
            match condition {
                Ok(condition) => conditions.push(condition),
                Err(rejection) => rejections.push(under(rejection, &path)),
            }
        }
        if !rejections.is_empty() {
            return Err(Error::Rejected(rejections));
        }
        Rule::new(self.matching, conditions).map_err(|rejection| under(rejection, &["input", "rule"]).into())
    }
}

/// The rule of a collection. Needs CATALOG_READ.
pub async fn rule_of(ctx: &Context<'_>, id: CollectionId) -> Result<Option<CollectionRule>> {
    ctx.viewer().require(Permission::CatalogRead)?;
    let Some((rule, applied)) = ctx.loaders().load_one(RuleOf(id)).await? else { return Ok(None) };
    let app = ctx.app();
    let mut conditions = Vec::with_capacity(rule.conditions.len());
    for condition in rule.conditions {
        let channel = match condition.channel_id() {
            Some(id) => app.channels.by_id(&app.db, id).await?.map(Channel),
            None => None,
        };
        let Condition { field, operator, value, key, .. } = condition;
        let attribute = (field == Field::Attribute).then_some(key);
        conditions.push(CollectionRuleCondition { field, operator, value, attribute, channel });
    }
    Ok(Some(CollectionRule { matching: rule.matching, conditions, applied }))
}
