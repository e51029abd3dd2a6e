-- One notice for up to 150 events of a statement: an import writes hundreds at once, and a notice for each would cost every
-- listener a message. The payload is "aggregate:id", comma-separated; it must stay below 8,000 bytes.
DROP TRIGGER events_notify ON events;
CREATE OR REPLACE FUNCTION events_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ironmonger_events', string_agg(told.name, ','))
        FROM (SELECT DISTINCT aggregate || ':' || aggregate_id AS name,
                     (dense_rank() OVER (ORDER BY aggregate, aggregate_id) - 1) / 150 AS part
              FROM new_events) AS told
        GROUP BY told.part;
    RETURN NULL;
END $$;
CREATE TRIGGER events_notify AFTER INSERT ON events REFERENCING NEW TABLE AS new_events
    FOR EACH STATEMENT EXECUTE FUNCTION events_notify();
