//! Which staff-only fields introspection shows to whom. Hiding is a courtesy; the guard is in the use case.

use async_graphql::Context;

use crate::access::{Permission, Viewer};

macro_rules! visible_with {
    ($($name:ident => $permission:ident,)*) => {$(
        /// Shown to those who have the permission.
        pub fn $name(ctx: &Context<'_>) -> bool {
            ctx.data_opt::<Viewer>().is_some_and(|viewer| viewer.may(Permission::$permission))
        }
    )*};
}

visible_with! {
    catalog_read => CatalogRead,
    catalog_write => CatalogWrite,
    channels_read => ChannelsRead,
    channels_write => ChannelsWrite,
    pricing_read => PricingRead,
    pricing_write => PricingWrite,
    inventory_read => InventoryRead,
    inventory_write => InventoryWrite,
    orders_read => OrdersRead,
    orders_write => OrdersWrite,
    payments_refund => PaymentsRefund,
    fulfillments_write => FulfillmentsWrite,
    jobs_read => JobsRead,
    jobs_manage => JobsManage,
    bulk_import => BulkImport,
    bulk_export => BulkExport,
    staff_manage => StaffManage,
}
