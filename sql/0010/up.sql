-- What a check found is a record like an event: it takes INSERT and nothing else (see 0001/append_only.sql).
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.check_results
    FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change();
ALTER TABLE reelkeeper.check_results ENABLE ALWAYS TRIGGER append_only;

-- The rules that broke, one row each. `frames` lists at most a hundred by their place in the reel; `count` says how many
-- frames, shots, files or facts there are. Ask for one reel with `newest` to see how it stands.
CREATE VIEW reelkeeper.v_broken_rules AS
SELECT
    result.reel_id,
    reel.title,
    result.run_id,
    event.ended AS checked_at,
    NOT EXISTS (
        SELECT FROM reelkeeper.check_results AS later
        JOIN reelkeeper.events AS later_event ON later_event.id = later.event_id
        WHERE later.reel_id = result.reel_id AND later_event.seq > event.seq
    ) AS newest,
    result.passed,
    rule.found ->> 'id' AS rule,
    rule.found ->> 'severity' AS severity,
    rule.found ->> 'status' AS status,
    rule.found ->> 'sentence' AS sentence,
    rule.found ->> 'detail' AS detail,
    (rule.found ->> 'count')::integer AS count,
    ARRAY(
        SELECT (one.number ->> 'frame')::integer
        FROM jsonb_array_elements(rule.found -> 'frames') WITH ORDINALITY AS one (number, place) ORDER BY one.place
    ) AS frames,
    (rule.found #>> '{worst,frame}')::integer AS worst_frame,
    ARRAY(
        SELECT one.name FROM jsonb_array_elements_text(rule.found -> 'subjects') WITH ORDINALITY AS one (name, place)
        ORDER BY one.place
    ) AS subjects,
    EXISTS (
        SELECT FROM reelkeeper.waivers AS waiver
        JOIN reelkeeper.events AS waiving ON waiving.id = waiver.event_id
        WHERE waiver.reel_id = result.reel_id AND waiver.run_id = result.run_id
            AND waiver.finding = rule.found ->> 'id' AND waiving.detail ->> 'check_sha256' = result.sha256
            AND waiving.seq > event.seq
    ) AS waived,
    result.policy_version,
    result.sha256 AS check_sha256,
    result.event_id
FROM reelkeeper.check_results AS result
JOIN reelkeeper.reels AS reel ON reel.id = result.reel_id
JOIN reelkeeper.events AS event ON event.id = result.event_id
CROSS JOIN LATERAL jsonb_array_elements(result.findings) WITH ORDINALITY AS rule (found, place)
WHERE rule.found ->> 'status' IN ('failed', 'crashed');

COMMENT ON VIEW reelkeeper.v_broken_rules IS 'One row a rule that broke in a check: what it asks, what was found, in which frames';

-- The roles of 0001/roles.sql, where they exist.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT ON reelkeeper.check_results TO reelkeeper_writer;
        GRANT SELECT ON reelkeeper.v_broken_rules TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.check_results, reelkeeper.v_broken_rules TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER TABLE reelkeeper.check_results OWNER TO reelkeeper_owner;
            ALTER VIEW reelkeeper.v_broken_rules OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'both stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
