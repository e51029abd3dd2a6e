-- Who there is, how they sign in, and what they may do.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email citext NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash text NOT NULL,
    disabled_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE customers (
    id uuid PRIMARY KEY,
    user_id uuid CONSTRAINT customers_user_id_key UNIQUE CONSTRAINT customers_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    email citext NOT NULL,
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX customers_email_idx ON customers (email);

CREATE TABLE roles (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT roles_name_key UNIQUE,
    -- The role that has every permission, those added later as well.
    is_owner boolean NOT NULL DEFAULT false,
    permissions text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO roles (id, name, is_owner) VALUES ('00000000-0000-7000-8000-000000000002', 'owner', true);

CREATE TABLE user_roles (
    user_id uuid NOT NULL CONSTRAINT user_roles_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    role_id uuid NOT NULL CONSTRAINT user_roles_role_id_fkey REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Only the SHA-256 of a refresh token is kept. used_at marks a spent one; its re-use ends the session.
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
