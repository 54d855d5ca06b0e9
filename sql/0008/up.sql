-- Records like events: they take INSERT and nothing else (see 0001/append_only.sql).
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['object_relationships', 'policies', 'restorations'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reelkeeper.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION reelkeeper.refuse_change()', name);
        EXECUTE format('ALTER TABLE reelkeeper.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;

-- The catalogue as a table: one row a reel, and one for each item of which no reel is known. A reel that nobody has
-- described stands under its own id. Ask for item or reel; both reach the indexes.
CREATE VIEW reelkeeper.v_catalogue AS
WITH described AS (
    SELECT item.id AS item_id, item.identifier AS item, reel.id AS reel
    FROM reelkeeper.items AS item
    LEFT JOIN reelkeeper.reels AS reel ON reel.item_id = item.id
    UNION ALL
    SELECT NULL, reel.id, reel.id FROM reelkeeper.reels AS reel WHERE reel.item_id IS NULL
)
SELECT
    described.item,
    described.reel,
    coalesce(work.identifier, described.reel) AS work,
    coalesce(work.title, reel.title) AS title,
    titles.listed AS alternative_titles,
    work.year_from,
    work.year_to,
    work.countries,
    work.languages,
    makers.listed AS makers,
    variant.name AS variant,
    item.element,
    item.gauge,
    item.base,
    item.condition,
    carrier.made_year,
    carrier.ad_strip_level,
    carrier.shrinkage_percent,
    carrier.smell,
    carrier.uniqueness,
    carrier.note AS carrier_note,
    reel.state,
    condition.urgency,
    restoration.recorded_at AS restored_at,
    restoration.plan_version,
    restoration.frames,
    scan.width,
    scan.height,
    scan.fps,
    scan.bit_depth,
    master.uri AS restored_master_uri,
    master.sha256 AS restored_master_sha256,
    access.uri AS access_copy_uri,
    restoration.condition_before,
    restoration.condition_after,
    restoration.manifestation_id AS restored_manifestation,
    item.manifestation_id AS source_manifestation,
    greatest(item.changed_at, work.changed_at, reel.created_at, event.recorded_at) AS changed_at
FROM described
LEFT JOIN reelkeeper.items AS item ON item.id = described.item_id
LEFT JOIN reelkeeper.manifestations AS manifestation ON manifestation.id = item.manifestation_id
LEFT JOIN reelkeeper.works AS work ON work.id = manifestation.work_id
LEFT JOIN reelkeeper.variants AS variant ON variant.id = manifestation.variant_id
LEFT JOIN reelkeeper.reels AS reel ON reel.id = described.reel
LEFT JOIN reelkeeper.chains AS chain ON chain.reel_id = reel.id
LEFT JOIN reelkeeper.events AS event ON event.reel_id = reel.id AND event.seq = chain.length
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(title, language, kind) ORDER BY position) AS listed
    FROM reelkeeper.work_titles WHERE work_id = work.id
) AS titles ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(name, role) ORDER BY position) AS listed
    FROM reelkeeper.work_makers WHERE work_id = work.id
) AS makers ON true
LEFT JOIN LATERAL (
    SELECT made_year, ad_strip_level, shrinkage_percent, smell, uniqueness, note
    FROM reelkeeper.carrier_readings WHERE reel_id = reel.id ORDER BY read_at DESC LIMIT 1
) AS carrier ON true
LEFT JOIN LATERAL (
    SELECT urgency FROM reelkeeper.conditions WHERE reel_id = reel.id ORDER BY recorded_at DESC LIMIT 1
) AS condition ON true
LEFT JOIN LATERAL (
    SELECT * FROM reelkeeper.restorations WHERE reel_id = reel.id ORDER BY recorded_at DESC LIMIT 1
) AS restoration ON true
LEFT JOIN reelkeeper.scans AS scan ON scan.event_id = restoration.scan_id
LEFT JOIN reelkeeper.digital_objects AS master ON master.id = restoration.master_id
LEFT JOIN reelkeeper.digital_objects AS access ON access.id = restoration.access_id;

COMMENT ON VIEW reelkeeper.v_catalogue IS 'One row a reel or an item without one: what it is, how it is, what was made of it';

-- The roles of 0001/roles.sql, where they exist.
DO $$
DECLARE
    name text;
    made text[] := ARRAY[
        'work_titles', 'work_makers', 'variants', 'manifestations', 'frame_exceptions', 'object_relationships',
        'policies', 'restorations'
    ];
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        FOREACH name IN ARRAY made LOOP
            EXECUTE format('GRANT SELECT, INSERT ON reelkeeper.%I TO reelkeeper_writer', name);
        END LOOP;
        GRANT UPDATE ON reelkeeper.manifestations TO reelkeeper_writer;
        GRANT DELETE ON reelkeeper.work_titles, reelkeeper.work_makers, reelkeeper.frame_exceptions TO reelkeeper_writer;
        GRANT SELECT ON reelkeeper.v_catalogue TO reelkeeper_writer;
    END IF;
    IF to_regrole('reelkeeper_reader') IS NOT NULL THEN
        FOREACH name IN ARRAY made LOOP
            EXECUTE format('GRANT SELECT ON reelkeeper.%I TO reelkeeper_reader', name);
        END LOOP;
        GRANT SELECT ON reelkeeper.v_catalogue TO reelkeeper_reader;
    END IF;
    IF to_regrole('reelkeeper_owner') IS NOT NULL THEN
        BEGIN
            FOREACH name IN ARRAY made LOOP
                EXECUTE format('ALTER TABLE reelkeeper.%I OWNER TO reelkeeper_owner', name);
            END LOOP;
            ALTER VIEW reelkeeper.v_catalogue OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.folded(text) OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.sought(text) OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.words_of_item(uuid) OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.word_reel() OWNER TO reelkeeper_owner;
            ALTER FUNCTION reelkeeper.keyed(text, int4range) OWNER TO reelkeeper_owner;
            ALTER TYPE reelkeeper.keyed_frames OWNER TO reelkeeper_owner;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the tables stay with % because it may not hand them to reelkeeper_owner', current_user;
        END;
    END IF;
END
$$;
