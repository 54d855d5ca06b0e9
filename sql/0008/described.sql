-- What was known of works and items before, in the new terms: each item is the source element of its work.
UPDATE reelkeeper.works SET identifier = id::text, title = coalesce(nullif(btrim(title), ''), 'untitled');

INSERT INTO reelkeeper.manifestations (id, work_id, kind, created_at)
SELECT id, work_id, 'source element', created_at FROM reelkeeper.items;

UPDATE reelkeeper.items SET manifestation_id = id;
