// Made from the migrations; see diesel.toml. What search stands on is left out: only SQL in src/catalog and src/search reads it.

diesel::table! {
    attributes (id) {
        id -> Uuid,
        product_type_id -> Uuid,
        code -> Text,
        name -> Text,
        kind -> Text,
        unit -> Text,
        choices -> Array<Text>,
        required -> Bool,
        facet -> Bool,
        position -> Integer,
    }
}

diesel::table! {
    cart_lines (id) {
        id -> Uuid,
        cart_id -> Uuid,
        variant_id -> Uuid,
        quantity -> BigInt,
        position -> BigInt,
    }
}

diesel::table! {
    carts (id) {
        id -> Uuid,
        channel_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        status -> Text,
        email -> Nullable<Text>,
        shipping_address -> Nullable<Jsonb>,
        billing_address -> Nullable<Jsonb>,
        shipping_method_id -> Nullable<Uuid>,
        promotion_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    channels (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        currency_code -> Text,
        is_default -> Bool,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

diesel::table! {
    collection_channels (collection_id, channel_id) {
        collection_id -> Uuid,
        channel_id -> Uuid,
        published_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    collection_products (product_id, collection_id) {
        collection_id -> Uuid,
        product_id -> Uuid,
        position -> BigInt,
    }
}

diesel::table! {
    collection_reviews (id) {
        id -> BigInt,
        product_id -> Uuid,
    }
}

diesel::table! {
    collection_translations (collection_id, locale) {
        collection_id -> Uuid,
        locale -> Text,
        name -> Nullable<Text>,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    collections (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        description -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        rule -> Nullable<Jsonb>,
        rule_revision -> BigInt,
        image_url -> Text,
        image_alt_text -> Text,
        metadata -> Jsonb,
        private_metadata -> Jsonb,
        rule_fields -> Array<Text>,
        rule_applied -> BigInt,
        image_media_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use diesel::pg::sql_types::Citext;

    customers (id) {
        id -> Uuid,
        user_id -> Nullable<Uuid>,
        email -> Citext,
        first_name -> Text,
        last_name -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        aggregate -> Text,
        aggregate_id -> Uuid,
        sequence -> BigInt,
        #[sql_name = "type"]
        type_ -> Text,
        payload -> Jsonb,
        actor -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    exports (job_id) {
        job_id -> Uuid,
        token_hash -> Bytea,
        file_key -> Text,
        file_name -> Text,
        format -> Text,
        size_bytes -> BigInt,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    fulfillment_lines (fulfillment_id, order_line_id) {
        fulfillment_id -> Uuid,
        order_line_id -> Uuid,
        quantity -> BigInt,
    }
}

diesel::table! {
    fulfillments (id) {
        id -> Uuid,
        order_id -> Uuid,
        status -> Text,
        tracking_number -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_records (scope, key) {
        scope -> Text,
        key -> Text,
        fingerprint -> Bytea,
        response -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    import_rejections (import_id, line) {
        import_id -> Uuid,
        line -> BigInt,
        column_name -> Text,
        reason -> Text,
        row_text -> Text,
    }
}

diesel::table! {
    import_slugs (import_id, slug) {
        import_id -> Uuid,
        slug -> Text,
    }
}

diesel::table! {
    imports (id) {
        id -> Uuid,
        channel_id -> Uuid,
        format -> Text,
        on_conflict -> Text,
        file_key -> Text,
        file_name -> Text,
        size_bytes -> BigInt,
        next_byte -> BigInt,
        next_line -> BigInt,
        rows_read -> BigInt,
        rows_rejected -> BigInt,
        created -> BigInt,
        updated -> BigInt,
        unchanged -> BigInt,
        skipped -> BigInt,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        others -> BigInt,
    }
}

diesel::table! {
    job_attempts (job_id, number) {
        job_id -> Uuid,
        number -> Integer,
        worker -> Text,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    job_queues (name) {
        name -> Text,
        paused -> Bool,
        created_at -> Timestamptz,
        max_running -> Nullable<Int4>,
        rate_limit -> Nullable<Int4>,
        rate_period_seconds -> Nullable<Float8>,
        rate_tokens -> Float8,
        rate_refilled_at -> Timestamptz,
    }
}

diesel::table! {
    job_schedules (name) {
        name -> Text,
        kind -> Text,
        queue -> Text,
        cron -> Text,
        payload -> Jsonb,
        enabled -> Bool,
        last_run_at -> Nullable<Timestamptz>,
        next_run_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    job_transport (singleton) {
        singleton -> Bool,
        epoch -> Uuid,
    }
}

diesel::table! {
    job_workers (id) {
        id -> Text,
        host -> Text,
        pid -> Integer,
        version -> Text,
        queues -> Array<Text>,
        concurrency -> Integer,
        running -> Integer,
        started_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    jobs (id) {
        id -> Uuid,
        kind -> Text,
        queue -> Text,
        priority -> SmallInt,
        payload -> Jsonb,
        state -> Text,
        attempt -> Integer,
        max_attempts -> Integer,
        crashes -> Integer,
        run_at -> Timestamptz,
        dispatch_no -> BigInt,
        dispatched_at -> Nullable<Timestamptz>,
        lease_token -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        worker -> Nullable<Text>,
        cancel_requested -> Bool,
        progress_done -> BigInt,
        progress_total -> Nullable<BigInt>,
        progress_note -> Nullable<Text>,
        result -> Nullable<Jsonb>,
        last_error -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        traceparent -> Nullable<Text>,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    locales (tag) {
        tag -> Text,
    }
}

diesel::table! {
    locations (id) {
        id -> Uuid,
        name -> Text,
        priority -> Integer,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

diesel::table! {
    mails (id) {
        id -> Uuid,
        purpose -> Text,
        subject_id -> Uuid,
        message_id -> Text,
        sent_at -> Timestamptz,
    }
}

diesel::table! {
    media_images (id) {
        id -> Uuid,
        state -> Text,
        sha256 -> Bytea,
        format -> Text,
        width -> Integer,
        height -> Integer,
        frames -> Integer,
        size_bytes -> BigInt,
        file_name -> Text,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        derived_at -> Nullable<Timestamptz>,
        unused_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    media_renditions (image_id, width) {
        image_id -> Uuid,
        width -> Integer,
        height -> Integer,
        format -> Text,
        size_bytes -> BigInt,
    }
}

diesel::table! {
    order_line_allocations (order_line_id, location_id) {
        order_line_id -> Uuid,
        variant_id -> Uuid,
        location_id -> Uuid,
        quantity -> BigInt,
    }
}

diesel::table! {
    order_lines (id) {
        id -> Uuid,
        order_id -> Uuid,
        variant_id -> Nullable<Uuid>,
        position -> Integer,
        sku -> Text,
        name -> Text,
        variant_name -> Text,
        quantity -> BigInt,
        fulfilled_quantity -> BigInt,
        unit_price -> BigInt,
        discount -> BigInt,
        tax -> BigInt,
        total -> BigInt,
    }
}

diesel::table! {
    orders (id) {
        id -> Uuid,
        number -> BigInt,
        channel_id -> Uuid,
        cart_id -> Nullable<Uuid>,
        customer_id -> Nullable<Uuid>,
        status -> Text,
        payment_status -> Text,
        fulfillment_status -> Text,
        email -> Text,
        shipping_address -> Nullable<Jsonb>,
        billing_address -> Nullable<Jsonb>,
        shipping_method_id -> Nullable<Uuid>,
        shipping_method_name -> Nullable<Text>,
        promotion_id -> Nullable<Uuid>,
        promotion_code -> Nullable<Text>,
        currency_code -> Text,
        subtotal -> BigInt,
        discount_total -> BigInt,
        shipping_total -> BigInt,
        tax_total -> BigInt,
        total -> BigInt,
        cancel_reason -> Nullable<Text>,
        access_token_hash -> Bytea,
        version -> BigInt,
        placed_at -> Timestamptz,
        canceled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    payment_operations (id) {
        id -> Uuid,
        payment_id -> Uuid,
        kind -> Text,
        key -> Text,
        amount -> BigInt,
        state -> Text,
        gateway_reference -> Nullable<Text>,
        failure -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payments (id) {
        id -> Uuid,
        order_id -> Uuid,
        gateway -> Text,
        status -> Text,
        amount -> BigInt,
        currency_code -> Text,
        captured_amount -> BigInt,
        refunded_amount -> BigInt,
        token -> Text,
        gateway_reference -> Nullable<Text>,
        action_confirmed -> Bool,
        failure -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    product_channels (product_id, channel_id) {
        product_id -> Uuid,
        channel_id -> Uuid,
        published_at -> Nullable<Timestamptz>,
        min_price -> Nullable<BigInt>,
        max_price -> Nullable<BigInt>,
        prices_until -> Nullable<Timestamptz>,
        listed -> Bool,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    product_images (id) {
        id -> Uuid,
        product_id -> Uuid,
        url -> Text,
        alt_text -> Text,
        position -> Integer,
        media_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    product_options (id) {
        id -> Uuid,
        product_id -> Uuid,
        name -> Text,
        values -> Array<Text>,
        position -> Integer,
    }
}

diesel::table! {
    product_translations (product_id, locale) {
        product_id -> Uuid,
        locale -> Text,
        name -> Nullable<Text>,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    product_types (id) {
        id -> Uuid,
        name -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    products (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        description -> Text,
        vendor -> Text,
        product_type -> Text,
        tags -> Array<Text>,
        status -> Text,
        import_fingerprint -> Nullable<Bytea>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        attributes -> Jsonb,
        metadata -> Jsonb,
        private_metadata -> Jsonb,
        import_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use diesel::pg::sql_types::Citext;

    promotions (id) {
        id -> Uuid,
        channel_id -> Uuid,
        code -> Citext,
        name -> Text,
        percent_ppm -> Nullable<BigInt>,
        amount -> Nullable<BigInt>,
        minimum_subtotal -> BigInt,
        usage_limit -> Nullable<BigInt>,
        used_count -> BigInt,
        starts_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Bytea,
        session_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refunds (id) {
        id -> Uuid,
        payment_id -> Uuid,
        status -> Text,
        amount -> BigInt,
        reason -> Text,
        failure -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    roles (id) {
        id -> Uuid,
        name -> Text,
        is_owner -> Bool,
        permissions -> Array<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoked_reason -> Nullable<Text>,
    }
}

diesel::table! {
    shipping_method_channels (shipping_method_id, channel_id) {
        shipping_method_id -> Uuid,
        channel_id -> Uuid,
        price -> BigInt,
        free_above -> Nullable<BigInt>,
    }
}

diesel::table! {
    shipping_methods (id) {
        id -> Uuid,
        name -> Text,
        description -> Text,
        position -> Integer,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    shop_settings (singleton) {
        singleton -> Bool,
        name -> Text,
        order_number_prefix -> Text,
        default_locale -> Text,
    }
}

diesel::table! {
    stock_levels (variant_id, location_id) {
        variant_id -> Uuid,
        location_id -> Uuid,
        on_hand -> BigInt,
        reserved -> BigInt,
        backorderable -> Bool,
    }
}

diesel::table! {
    stock_movements (id) {
        id -> Uuid,
        variant_id -> Uuid,
        location_id -> Uuid,
        on_hand_delta -> BigInt,
        reserved_delta -> BigInt,
        kind -> Text,
        reason -> Text,
        order_id -> Nullable<Uuid>,
        actor -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tax_rates (id) {
        id -> Uuid,
        channel_id -> Uuid,
        name -> Text,
        country_code -> Nullable<Text>,
        rate_ppm -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    user_roles (user_id, role_id) {
        user_id -> Uuid,
        role_id -> Uuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use diesel::pg::sql_types::Citext;

    users (id) {
        id -> Uuid,
        email -> Citext,
        password_hash -> Text,
        disabled_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    variant_prices (variant_id, channel_id) {
        variant_id -> Uuid,
        channel_id -> Uuid,
        amount -> BigInt,
        compare_at_amount -> Nullable<BigInt>,
        sale_amount -> Nullable<BigInt>,
        sale_starts_at -> Nullable<Timestamptz>,
        sale_ends_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    variants (id) {
        id -> Uuid,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        position -> Integer,
        option_values -> Array<Text>,
        barcode -> Text,
        weight_grams -> Nullable<BigInt>,
        requires_shipping -> Bool,
        taxable -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        metadata -> Jsonb,
        private_metadata -> Jsonb,
    }
}

diesel::joinable!(attributes -> product_types (product_type_id));
diesel::joinable!(cart_lines -> carts (cart_id));
diesel::joinable!(cart_lines -> variants (variant_id));
diesel::joinable!(carts -> channels (channel_id));
diesel::joinable!(carts -> customers (customer_id));
diesel::joinable!(carts -> promotions (promotion_id));
diesel::joinable!(carts -> shipping_methods (shipping_method_id));
diesel::joinable!(collection_channels -> channels (channel_id));
diesel::joinable!(collection_channels -> collections (collection_id));
diesel::joinable!(collection_products -> collections (collection_id));
diesel::joinable!(collection_products -> products (product_id));
diesel::joinable!(collection_translations -> collections (collection_id));
diesel::joinable!(collections -> media_images (image_media_id));
diesel::joinable!(customers -> users (user_id));
diesel::joinable!(fulfillment_lines -> fulfillments (fulfillment_id));
diesel::joinable!(fulfillment_lines -> order_lines (order_line_id));
diesel::joinable!(fulfillments -> orders (order_id));
diesel::joinable!(import_rejections -> imports (import_id));
diesel::joinable!(imports -> channels (channel_id));
diesel::joinable!(job_attempts -> jobs (job_id));
diesel::joinable!(media_renditions -> media_images (image_id));
diesel::joinable!(order_line_allocations -> locations (location_id));
diesel::joinable!(order_line_allocations -> order_lines (order_line_id));
diesel::joinable!(order_lines -> orders (order_id));
diesel::joinable!(order_lines -> variants (variant_id));
diesel::joinable!(orders -> carts (cart_id));
diesel::joinable!(orders -> channels (channel_id));
diesel::joinable!(orders -> customers (customer_id));
diesel::joinable!(payment_operations -> payments (payment_id));
diesel::joinable!(payments -> orders (order_id));
diesel::joinable!(product_channels -> channels (channel_id));
diesel::joinable!(product_channels -> products (product_id));
diesel::joinable!(product_images -> media_images (media_id));
diesel::joinable!(product_images -> products (product_id));
diesel::joinable!(product_options -> products (product_id));
diesel::joinable!(product_translations -> products (product_id));
diesel::joinable!(promotions -> channels (channel_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(refunds -> payments (payment_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(shipping_method_channels -> channels (channel_id));
diesel::joinable!(shipping_method_channels -> shipping_methods (shipping_method_id));
diesel::joinable!(stock_levels -> locations (location_id));
diesel::joinable!(stock_levels -> variants (variant_id));
diesel::joinable!(tax_rates -> channels (channel_id));
diesel::joinable!(user_roles -> roles (role_id));
diesel::joinable!(user_roles -> users (user_id));
diesel::joinable!(variant_prices -> channels (channel_id));
diesel::joinable!(variant_prices -> variants (variant_id));
diesel::joinable!(variants -> products (product_id));

diesel::allow_tables_to_appear_in_same_query!(
    attributes,
    cart_lines,
    carts,
    channels,
    collection_channels,
    collection_products,
    collection_reviews,
    collection_translations,
    collections,
    customers,
    events,
    exports,
    fulfillment_lines,
    fulfillments,
    idempotency_records,
    import_rejections,
    import_slugs,
    imports,
    job_attempts,
    job_queues,
    job_schedules,
    job_transport,
    job_workers,
    jobs,
    locales,
    locations,
    mails,
    media_images,
    media_renditions,
    order_line_allocations,
    order_lines,
    orders,
    payment_operations,
    payments,
    product_channels,
    product_images,
    product_options,
    product_translations,
    product_types,
    products,
    promotions,
    refresh_tokens,
    refunds,
    roles,
    sessions,
    shipping_method_channels,
    shipping_methods,
    shop_settings,
    stock_levels,
    stock_movements,
    tax_rates,
    user_roles,
    users,
    variant_prices,
    variants,
);
