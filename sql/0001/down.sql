-- Take back what roles.sql, views.sql and append_only.sql made; the tables follow. The roles stay: they belong to the
-- whole server and another database may use them.

DROP VIEW reelkeeper.v_reel_status;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT event_object_table FROM information_schema.triggers
        WHERE trigger_schema = 'reelkeeper' AND trigger_name = 'append_only'
        GROUP BY event_object_table
    LOOP
        EXECUTE format('DROP TRIGGER append_only ON reelkeeper.%I', name);
    END LOOP;

    FOREACH name IN ARRAY ARRAY['reelkeeper_owner', 'reelkeeper_writer', 'reelkeeper_reader'] LOOP
        IF to_regrole(name) IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON SCHEMA reelkeeper FROM %I', name);
        END IF;
    END LOOP;
END
$$;

DROP FUNCTION reelkeeper.refuse_change();
