-- Owner and grants of the view of 0001 when it was made again, as in 0001/roles.sql.
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
