//! Product types and attributes.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::NaiveDate;

use crate::access::Permission;
use crate::catalog::queries::attributes::{self, TypeAttributesOf};
use crate::catalog::types::{
    self, Attribute as Stored, AttributeDraft, AttributeKind, AttributeValue, NewProductType, ValueDraft,
};
use crate::error::{Reason, Rejection};
use crate::graphql::{ContextExt, Decimal, UserError, outcome};
use crate::ids::{AttributeId, ProductId, ProductTypeId};

use super::mutations::written;
use super::product::Product;

/// A kind of product and the attributes that products of it have. A product belongs to the type that has the name of its
/// `productType`.
pub struct ProductType(pub types::ProductType);

/// A kind of product and the attributes that products of it have. A product belongs to the type that has the name of its
/// `productType`.
#[Object]
impl ProductType {
    /// Globally unique and opaque.
    async fn id(&self) -> ProductTypeId {
        self.0.id
    }

    /// What products name it by.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its attributes, in display order.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn attributes(&self, ctx: &Context<'_>) -> Result<Vec<Attribute>> {
        let attributes = ctx.loaders().load_one(TypeAttributesOf(self.0.id)).await?;
        Ok(attributes.unwrap_or_default().into_iter().map(Attribute).collect())
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }
}

/// Something that products of a type have.
pub struct Attribute(pub Stored);

/// Something that products of a type have.
#[Object]
impl Attribute {
    /// Globally unique and opaque.
    async fn id(&self) -> AttributeId {
        self.0.id
    }

    /// Names it in filters, facets and imports, such as `blade_length`.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What its values are.
    async fn kind(&self) -> AttributeKind {
        self.0.kind
    }

    /// Of a number, such as "cm"; null when there is none.
    async fn unit(&self) -> Option<&str> {
        Some(self.0.unit.as_str()).filter(|unit| !unit.is_empty())
    }

    /// The choices of CHOICE and CHOICES, in display order.
    async fn choices(&self) -> &[String] {
        &self.0.choices
    }

    /// Whether every product of the type has to have it.
    async fn required(&self) -> bool {
        self.0.required
    }

    /// Whether search counts and filters by it.
    async fn facet(&self) -> bool {
        self.0.facet
    }
}

/// An attribute of a product. The field that fits the kind has the value, the others are null.
pub struct ProductAttribute(pub attributes::ProductAttribute);

/// An attribute of a product. The field that fits the kind has the value, the others are null.
#[Object]
impl ProductAttribute {
    /// Names it in filters, facets and imports, such as `blade_length`.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What its values are.
    async fn kind(&self) -> AttributeKind {
        self.0.kind
    }

    /// Of a number, such as "cm"; null when there is none.
    async fn unit(&self) -> Option<&str> {
        Some(self.0.unit.as_str()).filter(|unit| !unit.is_empty())
    }

    /// The value of a TEXT or CHOICE.
    async fn text(&self) -> Option<&str> {
        match &self.0.value {
            AttributeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a NUMBER.
    async fn number(&self) -> Option<Decimal> {
        match &self.0.value {
            AttributeValue::Number(number) => Some(Decimal(number.to_string())),
            _ => None,
        }
    }

    /// The value of a BOOLEAN.
    async fn boolean(&self) -> Option<bool> {
        match &self.0.value {
            AttributeValue::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of a DATE, such as `2026-12-01`.
    async fn date(&self) -> Option<String> {
        match &self.0.value {
            AttributeValue::Date(date) => Some(date.format("%Y-%m-%d").to_string()),
            _ => None,
        }
    }

    /// The value of a CHOICES, in the order of the choices.
    async fn choices(&self) -> Option<&[String]> {
        match &self.0.value {
            AttributeValue::Choices(choices) => Some(choices),
            _ => None,
        }
    }
}

/// An attribute of a product as it shall be: the field that fits its kind. Without any field the value is taken away.
#[derive(InputObject)]
pub struct ProductAttributeInput {
    /// Which attribute.
    code: String,
    /// For TEXT, 1 to 1,000 characters; for CHOICE one of the choices.
    text: Option<String>,
    /// For NUMBER, such as `"12.5"`.
    number: Option<Decimal>,
    /// For BOOLEAN.
    boolean: Option<bool>,
    /// For DATE, such as `"2026-12-01"`.
    date: Option<String>,
    /// For CHOICES.
    choices: Option<Vec<String>>,
}

/// What is entered, checked for its form; paths are `["input", "attributes", …]`.
pub(super) fn read_values(inputs: Vec<ProductAttributeInput>) -> Result<Vec<ValueDraft>, Rejection> {
    let read = |(index, input): (usize, ProductAttributeInput)| {
        let ProductAttributeInput { code, text, number, boolean, date, choices } = input;
        let invalid = |message: &str, field: &str| {
            Rejection::new(Reason::Invalid, message).at(["input", "attributes", &index.to_string(), field])
        };
        let date = date
            .map(|date| NaiveDate::parse_from_str(&date, "%Y-%m-%d"))
            .transpose()
            .map_err(|_| invalid("A date is a day such as 2026-12-01.", "date"))?;
        let number = number
            .map(|Decimal(number)| number.parse())
            .transpose()
            .map_err(|_| invalid("The number cannot be read.", "number"))?;
        Ok(ValueDraft { code, text, number, boolean, date, choices })
    };
    inputs.into_iter().enumerate().map(read).collect()
}

/// Attributes of a product; those that are not named stay.
#[derive(InputObject)]
pub struct ProductAttributesSetInput {
    /// The product.
    product_id: ProductId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// One for each attribute that changes.
    attributes: Vec<ProductAttributeInput>,
}

/// What `productAttributesSet` answers.
#[derive(SimpleObject)]
pub struct ProductAttributesSetPayload {
    /// The product after the edit; null when there are user errors.
    product: Option<Product>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// An attribute of a type.
#[derive(InputObject)]
pub struct AttributeInput {
    /// A lower-case letter, then lower-case letters, digits and underscores; at most 63. The same code in two types means the
    /// same to facets and filters.
    code: String,
    /// 1 to 255 characters.
    name: String,
    /// What its values are.
    kind: AttributeKind,
    /// Of a NUMBER, such as "cm".
    #[graphql(default)]
    unit: String,
    /// Of CHOICE and CHOICES, in display order.
    #[graphql(default)]
    choices: Vec<String>,
    /// Whether every product of the type has to have it, once its attributes are entered.
    #[graphql(default)]
    required: bool,
    /// Whether search counts and filters by it.
    #[graphql(default = true)]
    facet: bool,
}

impl From<AttributeInput> for AttributeDraft {
    fn from(input: AttributeInput) -> Self {
        let AttributeInput { code, name, kind, unit, choices, required, facet } = input;
        Self { code, name, kind, unit, choices, required, facet }
    }
}

/// A new type.
#[derive(InputObject)]
pub struct ProductTypeCreateInput {
    /// What products name it by: 1 to 255 characters, unique. It cannot be changed later.
    name: String,
    /// Its attributes, in display order.
    #[graphql(default)]
    attributes: Vec<AttributeInput>,
}

/// The attributes of a type as they shall be.
#[derive(InputObject)]
pub struct ProductTypeUpdateInput {
    /// The type.
    id: ProductTypeId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// Every attribute, in display order; those that are not named go. An attribute is known by its code.
    attributes: Vec<AttributeInput>,
}

/// A type to delete.
#[derive(InputObject)]
pub struct ProductTypeDeleteInput {
    /// The type.
    id: ProductTypeId,
    /// The version that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
}

/// What `productTypeCreate` answers.
#[derive(SimpleObject)]
pub struct ProductTypeCreatePayload {
    /// The new type; null when there are user errors.
    product_type: Option<ProductType>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `productTypeUpdate` answers.
#[derive(SimpleObject)]
pub struct ProductTypeUpdatePayload {
    /// The type after the edit; null when there are user errors.
    product_type: Option<ProductType>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `productTypeDelete` answers.
#[derive(SimpleObject)]
pub struct ProductTypeDeletePayload {
    /// The id of what is gone; null when there are user errors.
    deleted_id: Option<ProductTypeId>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root queries about product types.
#[derive(Default)]
pub struct ProductTypeQuery;

#[Object]
impl ProductTypeQuery {
    /// Every product type, by name. Needs CATALOG_READ.
    #[graphql(visible = "crate::graphql::visible::catalog_read", complexity = "20 * child_complexity + 1")]
    async fn product_types(&self, ctx: &Context<'_>) -> Result<Vec<ProductType>> {
        ctx.viewer().require(Permission::CatalogRead)?;
        let mut conn = ctx.app().db.get().await?;
        let types = types::queries::list(&mut conn).await.map_err(crate::Error::from)?;
        Ok(types.into_iter().map(ProductType).collect())
    }
}

/// Root mutations about product types and attributes.
#[derive(Default)]
pub struct ProductTypeMutation;

#[Object]
impl ProductTypeMutation {
    /// Creates a product type; products that name it belong to it at once. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_type_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type.")] input: ProductTypeCreateInput,
    ) -> Result<ProductTypeCreatePayload> {
        let attributes = input.attributes.into_iter().map(Into::into).collect();
        let new = NewProductType { name: input.name, attributes };
        let (made, user_errors) = outcome(types::create(ctx.app(), ctx.viewer(), new).await)?;
        Ok(ProductTypeCreatePayload { product_type: made.map(ProductType), user_errors })
    }

    /// Adds, changes, reorders and removes the attributes of a type. Values of attributes that go stay with the products, unseen.
    /// Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_type_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The attributes.")] input: ProductTypeUpdateInput,
    ) -> Result<ProductTypeUpdatePayload> {
        let ProductTypeUpdateInput { id, expected_version, attributes } = input;
        let attributes = attributes.into_iter().map(Into::into).collect();
        let updated = types::update(ctx.app(), ctx.viewer(), id, expected_version, attributes).await;
        let (updated, user_errors) = outcome(updated)?;
        Ok(ProductTypeUpdatePayload { product_type: updated.map(ProductType), user_errors })
    }

    /// Deletes a product type with its attributes; products keep its name. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_type_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type.")] input: ProductTypeDeleteInput,
    ) -> Result<ProductTypeDeletePayload> {
        let deleted = types::delete(ctx.app(), ctx.viewer(), input.id, input.expected_version).await;
        let (deleted_id, user_errors) = outcome(deleted)?;
        Ok(ProductTypeDeletePayload { deleted_id, user_errors })
    }

    /// Sets and takes away attributes of a product. Needs CATALOG_WRITE.
    #[graphql(visible = "crate::graphql::visible::catalog_write")]
    async fn product_attributes_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The attributes.")] input: ProductAttributesSetInput,
    ) -> Result<ProductAttributesSetPayload> {
        let ProductAttributesSetInput { product_id, expected_version, attributes } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let set = async {
            viewer.require(Permission::CatalogWrite)?;
            let values = read_values(attributes)?;
            types::attributes_set(app, viewer, product_id, expected_version, values).await
        };
        let (id, user_errors) = outcome(set.await)?;
        Ok(ProductAttributesSetPayload { product: written(ctx, id).await?, user_errors })
    }
}
