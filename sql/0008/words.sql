-- What an item is looked for by: its shelf mark, and the titles and makers of its film, as much as an index takes. A plan made while the tables are
-- empty would read them whole for every row of a long import: it is to go by the keys from the start.
CREATE FUNCTION reelkeeper.words_of_item(item uuid) RETURNS text
    LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off
BEGIN ATOMIC
    SELECT left(reelkeeper.folded(concat_ws(
        ' ', held.identifier, work.title,
        (SELECT string_agg(title, ' ' ORDER BY position) FROM reelkeeper.work_titles WHERE work_id = work.id),
        (SELECT string_agg(name, ' ' ORDER BY position) FROM reelkeeper.work_makers WHERE work_id = work.id)
    )), 50000)
    FROM reelkeeper.items AS held
    JOIN reelkeeper.manifestations AS manifestation ON manifestation.id = held.manifestation_id
    JOIN reelkeeper.works AS work ON work.id = manifestation.work_id
    WHERE held.id = words_of_item.item;
END;

-- A reel is looked for by its id and the words of its item, or its own title while nobody has described it.
CREATE FUNCTION reelkeeper.word_reel() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
BEGIN
    NEW.words := reelkeeper.folded(NEW.id) || ' '
        || coalesce(reelkeeper.words_of_item(NEW.item_id), left(reelkeeper.folded(NEW.title), 50000));
    RETURN NEW;
END;
$$;

CREATE TRIGGER words BEFORE INSERT OR UPDATE OF title, item_id ON reelkeeper.reels
    FOR EACH ROW EXECUTE FUNCTION reelkeeper.word_reel();

UPDATE reelkeeper.items SET words = reelkeeper.words_of_item(id);
UPDATE reelkeeper.reels SET title = title;
