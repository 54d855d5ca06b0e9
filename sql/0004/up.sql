-- What staff read off a carrier is a record like an event: it takes INSERT and nothing else (see 0001/append_only.sql).
-- Queue and holdings say how things stand now; who changed a place in the queue and what was read stands in events.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.carrier_readings
    FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change();
ALTER TABLE reelkeeper.carrier_readings ENABLE ALWAYS TRIGGER append_only;

-- As in 0003/up.sql, with the place in the queue as more columns; owner and grants stay.
CREATE OR REPLACE VIEW reelkeeper.v_reel_status AS
SELECT
    reel.id AS reel_id,
    reel.title,
    reel.state,
    reel.state_since,
    reel.created_at,
    reel.delivery_uri,
    run.run_id AS active_run,
    run.since AS active_since,
    run.heartbeat,
    plan.version AS plan_version,
    plan.reason AS plan_reason,
    decision.answer AS last_answer,
    decision.plan_version AS last_answer_plan_version,
    decision.decided_at AS last_answer_at,
    coalesce(chain.length, 0) AS events,
    event.event_type AS last_event_type,
    event.subtype AS last_event_subtype,
    event.outcome AS last_event_outcome,
    event.ended AS last_event_at,
    condition.urgency AS urgency,
    queued.state AS queue_state,
    queued.priority AS queue_priority,
    damaged.state AS repair_state
FROM reelkeeper.reels AS reel
LEFT JOIN reelkeeper.active_runs AS run ON run.reel_id = reel.id
LEFT JOIN reelkeeper.chains AS chain ON chain.reel_id = reel.id
LEFT JOIN reelkeeper.events AS event ON event.reel_id = reel.id AND event.seq = chain.length
LEFT JOIN LATERAL (
    SELECT version, reason FROM reelkeeper.plans WHERE reel_id = reel.id ORDER BY version DESC LIMIT 1
) AS plan ON true
LEFT JOIN LATERAL (
    SELECT answer, plan_version, decided_at
    FROM reelkeeper.decisions WHERE reel_id = reel.id ORDER BY decided_at DESC LIMIT 1
) AS decision ON true
LEFT JOIN LATERAL (
    SELECT urgency FROM reelkeeper.conditions WHERE reel_id = reel.id ORDER BY recorded_at DESC LIMIT 1
) AS condition ON true
LEFT JOIN reelkeeper.queue AS queued ON queued.reel_id = reel.id AND queued.purpose = 'restoration'
LEFT JOIN reelkeeper.queue AS damaged ON damaged.reel_id = reel.id AND damaged.purpose = 'repair';

-- The queue as staff read it. Ask for a purpose and a state and ORDER BY priority DESC, queued_at, reel_id: an order in
-- the view itself would keep the index from being used.
CREATE VIEW reelkeeper.v_queue AS
SELECT
    entry.reel_id,
    reel.title,
    entry.purpose,
    entry.state,
    entry.priority,
    entry.urgency,
    entry.basis,
    entry.override,
    overriding.detail ->> 'reason' AS override_reason,
    overriding.ended AS override_at,
    entry.reason,
    entry.frames,
    entry.device_h,
    entry.worker_h,
    entry.estimated_from,
    entry.queued_by,
    entry.queued_at,
    entry.state_since,
    entry.batch_id,
    entry.run_id,
    reel.state AS reel_state,
    run.run_id AS active_run
FROM reelkeeper.queue AS entry
JOIN reelkeeper.reels AS reel ON reel.id = entry.reel_id
LEFT JOIN reelkeeper.events AS overriding ON overriding.id = entry.override_event_id
LEFT JOIN reelkeeper.active_runs AS run ON run.reel_id = entry.reel_id;

COMMENT ON VIEW reelkeeper.v_queue IS 'One row a reel and purpose: why it stands where it stands';

-- What a day's work took, by step and device: only work that was done, not what was reused.
CREATE VIEW reelkeeper.v_throughput AS
SELECT
    date_trunc('day', recorded_at)::date AS day,
    step,
    device,
    count(*) AS executions,
    count(DISTINCT reel_id) AS reels,
    sum(frames) AS frames,
    sum(wall_s) / 3600 AS wall_h,
    sum(device_s) / 3600 AS device_h,
    sum(cpu_s) / 3600 AS cpu_h,
    sum(frames) / nullif(sum(wall_s), 0) AS frames_per_s,
    sum(wall_s) / nullif(sum(frames * megapixels), 0) AS s_per_megapixel_frame
FROM reelkeeper.executions
WHERE wall_s IS NOT NULL
GROUP BY 1, 2, 3;

COMMENT ON VIEW reelkeeper.v_throughput IS 'One row a day, step and device: frames done, hours they took';

-- How a reel decays: its newest condition beside the one before, and what staff read off the carrier last.
CREATE VIEW reelkeeper.v_decay AS
SELECT
    reel.id AS reel_id,
    reel.title,
    newest.urgency,
    newest.recorded_at AS assessed_at,
    worst.category AS worst_category,
    worst.severity AS worst_severity,
    (newest.severities ->> 'fade')::double precision AS fade,
    (newest.severities ->> 'stain')::double precision AS stain,
    before.urgency AS urgency_before,
    before.recorded_at AS assessed_before_at,
    newest.urgency - before.urgency AS urgency_gained,
    carrier.base,
    carrier.made_year,
    carrier.ad_strip_level,
    carrier.shrinkage_percent,
    carrier.smell,
    carrier.uniqueness,
    carrier.read_at AS carrier_read_at
FROM reelkeeper.reels AS reel
LEFT JOIN LATERAL (
    SELECT urgency, severities, recorded_at
    FROM reelkeeper.conditions WHERE reel_id = reel.id ORDER BY recorded_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT urgency, recorded_at
    FROM reelkeeper.conditions WHERE reel_id = reel.id ORDER BY recorded_at DESC OFFSET 1 LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT key AS category, value::double precision AS severity
    FROM jsonb_each_text(newest.severities) ORDER BY value::double precision DESC, key LIMIT 1
) AS worst ON true
LEFT JOIN LATERAL (
    SELECT base, made_year, ad_strip_level, shrinkage_percent, smell, uniqueness, read_at
    FROM reelkeeper.carrier_readings WHERE reel_id = reel.id ORDER BY read_at DESC LIMIT 1
) AS carrier ON true;

COMMENT ON VIEW reelkeeper.v_decay IS 'One row a reel: newest condition, the one before, what was read off the carrier';

-- The roles of 0001/roles.sql, where they exist.
DO $$
DECLARE
    name text;
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE ON reelkeeper.queue, reelkeeper.holdings TO reelkeeper_writer;
        GRANT SELECT, INSERT ON reelkeeper.carrier_readings TO reelkeeper_writer;
        GRANT SELECT ON reelkeeper.v_queue, reelkeeper.v_throughput, reelkeeper.v_decay TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.queue, reelkeeper.holdings, reelkeeper.carrier_readings TO reelkeeper_reader;
        GRANT SELECT ON reelkeeper.v_queue, reelkeeper.v_throughput, reelkeeper.v_decay TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            FOREACH name IN ARRAY ARRAY['queue', 'holdings', 'carrier_readings'] LOOP
                EXECUTE format('ALTER TABLE reelkeeper.%I OWNER TO reelkeeper_owner', name);
            END LOOP;
            FOREACH name IN ARRAY ARRAY['v_queue', 'v_throughput', 'v_decay'] LOOP
                EXECUTE format('ALTER VIEW reelkeeper.%I OWNER TO reelkeeper_owner', name);
            END LOOP;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the tables stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
