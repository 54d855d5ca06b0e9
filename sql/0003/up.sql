-- Conditions are records like events: they take INSERT and nothing else (see 0001/append_only.sql).
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.conditions
    FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change();
ALTER TABLE reelkeeper.conditions ENABLE ALWAYS TRIGGER append_only;

-- The roles of 0001/roles.sql, where they exist.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT ON reelkeeper.conditions TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.conditions TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER TABLE reelkeeper.conditions OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the table stays with % because it may not hand it to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;

-- As in 0001/views.sql, with the newest urgency as one more column; owner and grants stay.
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
    condition.urgency AS urgency
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
) AS condition ON true;
