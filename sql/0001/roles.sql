-- Three roles without login; give them to the users that connect. Roles belong to the whole server, so another
-- database may have made them already, and on a managed server we may not be allowed to: then the grants are left out
-- with a notice and the triggers alone protect what is recorded.
--   reelkeeper_owner   owns the tables and runs migrations
--   reelkeeper_writer  the workers: may add, may change only what is meant to change
--   reelkeeper_reader  staff's queries and reports; does not see people's names

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['reelkeeper_owner', 'reelkeeper_writer', 'reelkeeper_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- there already, or another database is making it this moment
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and may not be made; its grants are left out', name;
        END;
    END LOOP;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA reelkeeper TO reelkeeper_writer;
        GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA reelkeeper TO reelkeeper_writer;
        GRANT UPDATE ON reelkeeper.chains, reelkeeper.reels, reelkeeper.works, reelkeeper.items TO reelkeeper_writer;
        GRANT UPDATE, DELETE ON reelkeeper.active_runs, reelkeeper.agent_names TO reelkeeper_writer;
        REVOKE INSERT ON reelkeeper.v_reel_status, reelkeeper.alembic_version FROM reelkeeper_writer;
    END IF;

    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA reelkeeper TO reelkeeper_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA reelkeeper TO reelkeeper_reader;
        REVOKE SELECT ON reelkeeper.agent_names FROM reelkeeper_reader;
    END IF;

    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            GRANT USAGE, CREATE ON SCHEMA reelkeeper TO reelkeeper_owner;
            FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'reelkeeper' LOOP
                EXECUTE format('ALTER TABLE reelkeeper.%I OWNER TO reelkeeper_owner', name);
            END LOOP;
            ALTER VIEW reelkeeper.v_reel_status OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.refuse_change() OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the tables stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
