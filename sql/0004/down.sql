-- Take the views of 0004/up.sql away, and show reels as 0003 did; the tables follow, with their triggers.
DROP VIEW reelkeeper.v_decay;
DROP VIEW reelkeeper.v_throughput;
DROP VIEW reelkeeper.v_queue;

-- A view loses columns only by being made again.
DROP VIEW reelkeeper.v_reel_status;

CREATE VIEW reelkeeper.v_reel_status AS
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

COMMENT ON VIEW reelkeeper.v_reel_status IS 'One row a reel: state, active run, newest plan, last decision, last event';

-- Owner and grants of the view made again, as in 0001/roles.sql.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.v_reel_status TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.v_reel_status TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER VIEW reelkeeper.v_reel_status OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the view stays with % because it may not hand it to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
