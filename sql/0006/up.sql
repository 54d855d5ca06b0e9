-- Signed checkpoints are records like events: they take INSERT and nothing else (see 0001/append_only.sql).
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.signed_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change();
ALTER TABLE reelkeeper.signed_checkpoints ENABLE ALWAYS TRIGGER append_only;

-- The roles of 0001/roles.sql, where they exist.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT ON reelkeeper.signed_checkpoints TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.signed_checkpoints TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER TABLE reelkeeper.signed_checkpoints OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the table stays with % because it may not hand it to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
