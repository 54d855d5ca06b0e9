-- What a day's work took, by step and device. A day is one of UTC, whoever asks: so the days asked for are found by an index.
CREATE OR REPLACE VIEW reelkeeper.v_throughput AS
SELECT
    (recorded_at AT TIME ZONE 'UTC')::date AS day,
    step,
    device,
    count(*) AS executions,
    count(DISTINCT reel_id) AS reels,
    sum(frames) AS frames,
    sum(wall_s) / 3600 AS wall_h,
    sum(device_s) / 3600 AS device_h,
    sum(cpu_s) / 3600 AS cpu_h,
    sum(frames) / nullif(sum(wall_s), 0) AS frames_per_s,
    sum(wall_s) / nullif(sum(frames * megapixels), 0) AS s_per_megapixel_frame
FROM reelkeeper.executions
WHERE wall_s IS NOT NULL
GROUP BY 1, 2, 3;

-- What stood in for a reel that nobody had described goes once somebody has: an item without a reel and without a word
-- about it, and a film without a manifestation. Workers may delete these and nothing else of what is described.
CREATE FUNCTION reelkeeper.clear_stand_in(stand_in uuid, film uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    DELETE FROM reelkeeper.items AS item
    WHERE item.id = stand_in AND num_nonnulls(item.element, item.gauge, item.base) = 0 AND item.condition = ''
        AND NOT EXISTS (SELECT FROM reelkeeper.reels AS reel WHERE reel.item_id = item.id);
    DELETE FROM reelkeeper.work_titles AS title
    WHERE title.work_id = film
        AND NOT EXISTS (SELECT FROM reelkeeper.manifestations AS one WHERE one.work_id = film);
    DELETE FROM reelkeeper.work_makers AS maker
    WHERE maker.work_id = film
        AND NOT EXISTS (SELECT FROM reelkeeper.manifestations AS one WHERE one.work_id = film);
    DELETE FROM reelkeeper.works AS work
    WHERE work.id = film
        AND NOT EXISTS (SELECT FROM reelkeeper.manifestations AS one WHERE one.work_id = film)
        AND NOT EXISTS (SELECT FROM reelkeeper.variants AS variant WHERE variant.work_id = film);
END;
REVOKE EXECUTE ON FUNCTION reelkeeper.clear_stand_in(uuid, uuid) FROM PUBLIC;

-- The roles of 0001/roles.sql, where they exist.
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE ON reelkeeper.outbox TO reelkeeper_writer;
        GRANT EXECUTE ON FUNCTION reelkeeper.clear_stand_in(uuid, uuid) TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        GRANT SELECT ON reelkeeper.outbox TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            ALTER TABLE reelkeeper.outbox OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.clear_stand_in(uuid, uuid) OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'both stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
