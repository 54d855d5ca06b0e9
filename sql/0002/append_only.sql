-- Waivers and scans are records like events: they take INSERT and nothing else (see 0001/append_only.sql).

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['waivers', 'scans'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change()', name);
        EXECUTE format('ALTER TABLE reelkeeper.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;

-- The roles of 0001/roles.sql, where they exist.
DO $$
DECLARE
    name text;
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT ON reelkeeper.waivers, reelkeeper.scans TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.waivers, reelkeeper.scans TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            FOREACH name IN ARRAY ARRAY['waivers', 'scans'] LOOP
                EXECUTE format('ALTER TABLE reelkeeper.%I OWNER TO reelkeeper_owner', name);
            END LOOP;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the tables stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
