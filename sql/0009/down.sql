DROP FUNCTION reelkeeper.clear_stand_in(uuid, uuid);

CREATE OR REPLACE VIEW reelkeeper.v_throughput AS
SELECT
    date_trunc('day', recorded_at)::date AS day,
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
