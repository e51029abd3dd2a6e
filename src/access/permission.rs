//! Permissions and sets of them.

use std::fmt;

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a staff member may do. Roles are named sets of these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, async_graphql::Enum)]
        #[graphql(rename_items = "SCREAMING_SNAKE_CASE")]
        #[repr(u8)]
        pub enum Permission {
            $($(#[$doc])* $variant,)*
        }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant,)*];

            /// As it is stored, and named in GraphQL.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Permission::$variant => $name,)*
                }
            }
        }
    };
}

permissions! {
    /// Read unpublished products and collections.
    CatalogRead = "CATALOG_READ",
    /// Change products and collections.
    CatalogWrite = "CATALOG_WRITE",
    /// Read prices of every channel.
    PricingRead = "PRICING_READ",
    /// Change prices.
    PricingWrite = "PRICING_WRITE",
    /// Read stock levels and movements.
    InventoryRead = "INVENTORY_READ",
    /// Change stock.
    InventoryWrite = "INVENTORY_WRITE",
    /// Read orders.
    OrdersRead = "ORDERS_READ",
    /// Change and cancel orders.
    OrdersWrite = "ORDERS_WRITE",
    /// Read fulfillments.
    FulfillmentsRead = "FULFILLMENTS_READ",
    /// Create and change fulfillments.
    FulfillmentsWrite = "FULFILLMENTS_WRITE",
    /// Read payments.
    PaymentsRead = "PAYMENTS_READ",
    /// Capture authorized payments.
    PaymentsCapture = "PAYMENTS_CAPTURE",
    /// Refund captured payments.
    PaymentsRefund = "PAYMENTS_REFUND",
    /// Void authorized payments.
    PaymentsVoid = "PAYMENTS_VOID",
    /// Read customers.
    CustomersRead = "CUSTOMERS_READ",
    /// Change customers.
    CustomersWrite = "CUSTOMERS_WRITE",
    /// Read promotions.
    PromotionsRead = "PROMOTIONS_READ",
    /// Change promotions.
    PromotionsWrite = "PROMOTIONS_WRITE",
    /// Read shipping methods.
    ShippingRead = "SHIPPING_READ",
    /// Change shipping methods.
    ShippingWrite = "SHIPPING_WRITE",
    /// Read tax rates.
    TaxRead = "TAX_READ",
    /// Change tax rates.
    TaxWrite = "TAX_WRITE",
    /// Read channels.
    ChannelsRead = "CHANNELS_READ",
    /// Change channels.
    ChannelsWrite = "CHANNELS_WRITE",
    /// Read settings of the shop.
    SettingsRead = "SETTINGS_READ",
    /// Change settings of the shop.
    SettingsWrite = "SETTINGS_WRITE",
    /// Read webhooks and their deliveries.
    WebhooksRead = "WEBHOOKS_READ",
    /// Change webhooks.
    WebhooksWrite = "WEBHOOKS_WRITE",
    /// Read jobs, queues, workers and schedules.
    JobsRead = "JOBS_READ",
    /// Retry and cancel jobs, pause and resume queues.
    JobsManage = "JOBS_MANAGE",
    /// Import in bulk.
    BulkImport = "BULK_IMPORT",
    /// Export in bulk.
    BulkExport = "BULK_EXPORT",
    /// Manage staff and roles.
    StaffManage = "STAFF_MANAGE",
    /// Manage API keys.
    ApiKeysManage = "API_KEYS_MANAGE",
    /// Read the audit log.
    AuditRead = "AUDIT_READ",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// None.
    pub const EMPTY: PermissionSet = PermissionSet(0);

    /// Every permission.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// Whether it holds one.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Both together.
    pub fn union(self, other: PermissionSet) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it holds none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, sorted by name.
    pub fn sorted(self) -> Vec<Permission> {
        let mut members: Vec<_> = Permission::ALL.iter().copied().filter(|&p| self.contains(p)).collect();
        members.sort_by_key(|permission| permission.as_str());
        members
    }

    /// From stored names; a name that this version does not know gives nothing.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let find =
            |name: &str| Permission::ALL.iter().copied().find(|permission| permission.as_str() == name);
        names.into_iter().filter_map(find).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u8))
    }
}
