-- Drafts are no records: whoever made one may change it and take it back. The roles of 0001/roles.sql, where they exist.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON reelkeeper.shot_drafts TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.shot_drafts TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER TABLE reelkeeper.shot_drafts OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the table stays with % because it may not hand it to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
