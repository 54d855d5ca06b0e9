-- What has been recorded stays as it was recorded: these tables take INSERT and nothing else.
-- Statement triggers, so that a statement that would match no row is refused as well; ALWAYS, so that
-- session_replication_role does not switch them off. Whoever disables them is found by `provenance verify`.

CREATE FUNCTION reelkeeper.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION '% of reelkeeper.% is refused: what is recorded is never changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'Record a new event, plan version or decision instead.';
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'agents', 'digital_objects', 'events', 'event_objects', 'event_agents', 'fixity', 'checkpoints',
        'plans', 'decisions'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change()', name);
        EXECUTE format('ALTER TABLE reelkeeper.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;
