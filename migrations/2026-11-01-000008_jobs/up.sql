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
    -- READY: due, and an envelope is or will be on its way. RETRYING and SCHEDULED wait for run_at.
    state text NOT NULL CONSTRAINT jobs_state_check CHECK (state IN
        ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'DEAD', 'CANCELED')),
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL CONSTRAINT jobs_max_attempts_check CHECK (max_attempts >= 1),
    -- How often a process died with this job in its hands.
    crashes integer NOT NULL DEFAULT 0,
    -- When it is due; on the database's clock.
    run_at timestamptz NOT NULL DEFAULT now(),
    -- How often an envelope was pushed to Redis.
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
)
-- A row is written four times within seconds: room on the page, and vacuum early and without pauses, for the front
-- of jobs_due_idx is where dead entries gather.
WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- What the relay takes next. SCHEDULED and RETRYING rows become READY when they are due, so that a million delayed
-- jobs never stand between the relay and the ones that can run.
CREATE INDEX jobs_due_idx ON jobs (queue, priority DESC, run_at, id) WHERE state = 'READY' AND dispatched_at IS NULL;
CREATE INDEX jobs_dispatched_idx ON jobs (dispatched_at) WHERE state = 'READY' AND dispatched_at IS NOT NULL;
CREATE INDEX jobs_delayed_idx ON jobs (run_at) WHERE state IN ('SCHEDULED', 'RETRYING');
CREATE INDEX jobs_lease_idx ON jobs (lease_until) WHERE state = 'RUNNING';
CREATE UNIQUE INDEX jobs_unique_key ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING');
CREATE INDEX jobs_state_idx ON jobs (state, id);
CREATE INDEX jobs_finished_at_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- One attempt that did not succeed. The last attempt of a job stands in its row.
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

-- Redis holds the same value as long as it holds what was pushed. Another value there, or none, means that it was
-- emptied: everything dispatched is pushed again.
CREATE TABLE job_transport (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT job_transport_singleton_check CHECK (singleton),
    epoch uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO job_transport DEFAULT VALUES;
