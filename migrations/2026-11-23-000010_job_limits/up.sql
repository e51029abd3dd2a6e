-- Limits of a queue that hold across all processes, and what an autoscaler reads.

ALTER TABLE job_queues
    -- Most jobs of the queue that run at a time, everywhere together.
    ADD COLUMN max_running integer CONSTRAINT job_queues_max_running_check CHECK (max_running >= 1),
    -- Most jobs that are begun per period: a bucket of rate_limit tokens that fills evenly.
    ADD COLUMN rate_limit integer CONSTRAINT job_queues_rate_limit_check CHECK (rate_limit >= 1),
    ADD COLUMN rate_period_seconds double precision
        CONSTRAINT job_queues_rate_period_seconds_check CHECK (rate_period_seconds > 0),
    -- Tokens left at rate_refilled_at. Negative when jobs were begun that had been let through before.
    ADD COLUMN rate_tokens double precision NOT NULL DEFAULT 0,
    ADD COLUMN rate_refilled_at timestamptz NOT NULL DEFAULT now(),
    ADD CONSTRAINT job_queues_rate_check CHECK ((rate_limit IS NULL) = (rate_period_seconds IS NULL));

-- One row per queue, cheap to read: it counts the entries of small indexes. `backlog` is what wants a worker now; divided by
-- the concurrency of a worker it is the number of workers wanted.
CREATE VIEW job_backlog AS
WITH counted AS (
    SELECT queue, count(*) AS ready, 0::bigint AS running, min(run_at) AS oldest
    FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL GROUP BY queue
    UNION ALL
    SELECT queue, count(*), 0, min(run_at)
    FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL GROUP BY queue
    UNION ALL
    SELECT queue, 0, count(*), NULL FROM jobs WHERE state = 'RUNNING' GROUP BY queue
), summed AS (
    SELECT queue, sum(ready)::bigint AS ready, sum(running)::bigint AS running, min(oldest) AS oldest
    FROM counted GROUP BY queue
)
SELECT job_queues.name AS queue,
    job_queues.paused,
    coalesce(summed.ready, 0) AS ready,
    coalesce(summed.running, 0) AS running,
    CASE WHEN job_queues.paused THEN coalesce(summed.running, 0)
         ELSE least(coalesce(summed.ready, 0) + coalesce(summed.running, 0), job_queues.max_running) END AS backlog,
    CASE WHEN summed.oldest IS NOT NULL
         THEN greatest(extract(epoch FROM now() - summed.oldest), 0)::double precision END AS oldest_ready_age_seconds
FROM job_queues LEFT JOIN summed ON summed.queue = job_queues.name;
