-- The job ledger: the truth about long-running work. Redis only carries envelopes that point here.

CREATE TABLE job_queues (
    name text PRIMARY KEY CONSTRAINT job_queues_name_check CHECK (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    paused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    queue text NOT NULL,
    -- Higher runs first within a queue.
    priority smallint NOT NULL DEFAULT 0,
    payload jsonb NOT NULL,
    state text NOT NULL CONSTRAINT jobs_state_check CHECK (state IN
        ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'DEAD', 'CANCELED')),
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL CONSTRAINT jobs_max_attempts_check CHECK (max_attempts BETWEEN 1 AND 1000),
    -- How often a process died with this job in its hands.
    crashes integer NOT NULL DEFAULT 0,
    -- When it is due; on the database's clock.
    run_at timestamptz NOT NULL DEFAULT now(),
    -- Counts the envelopes pushed to Redis; an envelope with another number is a leftover.
    dispatch_no bigint NOT NULL DEFAULT 0,
    -- Set while an envelope is on its way; cleared when it has to be pushed again.
    dispatched_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    worker text,
    cancel_requested boolean NOT NULL DEFAULT false,
    progress_done bigint NOT NULL DEFAULT 0,
    progress_total bigint,
    progress_note text,
    result jsonb,
    last_error text,
    -- At most one unfinished job per key.
    unique_key text,
    traceparent text,
    -- Who started it and may read it without JOBS_READ.
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX jobs_due_idx ON jobs (queue, priority DESC, run_at, id)
    WHERE state IN ('SCHEDULED', 'READY', 'RETRYING') AND dispatched_at IS NULL;
CREATE INDEX jobs_dispatched_idx ON jobs (dispatched_at) WHERE state IN ('READY', 'SCHEDULED', 'RETRYING') AND dispatched_at IS NOT NULL;
CREATE INDEX jobs_lease_idx ON jobs (lease_until) WHERE state = 'RUNNING';
CREATE UNIQUE INDEX jobs_unique_key ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING');
CREATE INDEX jobs_state_idx ON jobs (state, queue, id);
CREATE INDEX jobs_finished_at_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_attempts (
    job_id uuid NOT NULL CONSTRAINT job_attempts_job_id_fkey REFERENCES jobs (id) ON DELETE CASCADE,
    number integer NOT NULL,
    worker text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error text,
    PRIMARY KEY (job_id, number)
);

CREATE TABLE job_workers (
    id text PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    queues text[] NOT NULL,
    concurrency integer NOT NULL,
    running integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE job_schedules (
    name text PRIMARY KEY,
    kind text NOT NULL,
    queue text NOT NULL,
    -- Six fields with seconds, in UTC.
    cron text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL DEFAULT true,
    last_run_at timestamptz,
    next_run_at timestamptz
);
