DROP VIEW job_backlog;
ALTER TABLE job_queues
    DROP COLUMN max_running,
    DROP COLUMN rate_limit,
    DROP COLUMN rate_period_seconds,
    DROP COLUMN rate_tokens,
    DROP COLUMN rate_refilled_at;
