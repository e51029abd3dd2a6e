-- What is added to and taken from the price of the goods: shipping, tax, promotions.

CREATE TABLE shipping_methods (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT shipping_methods_name_key UNIQUE,
    description text NOT NULL DEFAULT '',
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
);

CREATE TABLE shipping_method_channels (
    shipping_method_id uuid NOT NULL CONSTRAINT shipping_method_channels_shipping_method_id_fkey REFERENCES shipping_methods (id) ON DELETE CASCADE,
    channel_id uuid NOT NULL CONSTRAINT shipping_method_channels_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    price bigint NOT NULL CONSTRAINT shipping_method_channels_price_check CHECK (price >= 0),
    -- Free from this subtotal on, in minor units.
    free_above bigint,
    PRIMARY KEY (shipping_method_id, channel_id)
);

-- Rates in parts per million of the net amount: 80000 is 8 %.
CREATE TABLE tax_rates (
    id uuid PRIMARY KEY,
    channel_id uuid NOT NULL CONSTRAINT tax_rates_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- NULL: every country without a rate of its own.
    country_code text CONSTRAINT tax_rates_country_code_check CHECK (country_code ~ '^[A-Z]{2}$'),
    rate_ppm bigint NOT NULL CONSTRAINT tax_rates_rate_ppm_check CHECK (rate_ppm BETWEEN 0 AND 1000000),
    created_at timestamptz NOT NULL,
    CONSTRAINT tax_rates_channel_id_country_code_key UNIQUE NULLS NOT DISTINCT (channel_id, country_code)
);

CREATE TABLE promotions (
    id uuid PRIMARY KEY,
    channel_id uuid NOT NULL CONSTRAINT promotions_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    code citext NOT NULL,
    name text NOT NULL,
    -- Exactly one of the two: parts per million of the subtotal, or an amount in minor units.
    percent_ppm bigint CONSTRAINT promotions_percent_ppm_check CHECK (percent_ppm BETWEEN 1 AND 1000000),
    amount bigint CONSTRAINT promotions_amount_check CHECK (amount > 0),
    minimum_subtotal bigint NOT NULL DEFAULT 0,
    usage_limit bigint,
    used_count bigint NOT NULL DEFAULT 0,
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT promotions_channel_id_code_key UNIQUE (channel_id, code),
    CONSTRAINT promotions_one_benefit_check CHECK ((percent_ppm IS NULL) <> (amount IS NULL)),
    CONSTRAINT promotions_usage_limit_check CHECK (usage_limit IS NULL OR used_count <= usage_limit)
);
