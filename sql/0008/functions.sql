-- Words are found with or without accents and capitals, in any script, as parts of words. The embedded server brings
-- neither unaccent nor pg_trgm (its wheel has plpgsql and vector alone), so that both are said in plain SQL.

-- Decomposed, without the marks, in small letters; letters that do not decompose are replaced one by one.
CREATE FUNCTION reelkeeper.folded(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog
AS $$
    SELECT translate(lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]', '', 'g')), 'øłđıħŧ', 'oldiht')
$$;

-- Every two and every three characters that follow each other. Two, since words of Chinese and Japanese are as short.
CREATE FUNCTION reelkeeper.grams(words text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog
AS $$
    SELECT coalesce(array_agg(DISTINCT gram), '{}')
    FROM (
        SELECT letter || lead(letter) OVER place AS two,
               letter || lead(letter) OVER place || lead(letter, 2) OVER place AS three
        FROM string_to_table(reelkeeper.folded(words), NULL) WITH ORDINALITY AS spelled(letter, n)
        WINDOW place AS (ORDER BY n)
    ) AS pieces
    CROSS JOIN LATERAL (VALUES (two), (three)) AS found(gram)
    WHERE gram IS NOT NULL
$$;

-- Frames of different owners in one range type. An exclusion constraint over owner and frames would need btree_gist,
-- which the embedded server does not bring. Texts of equal length sort as their numbers do, and whatever begins with one
-- uuid lies between no two that begin with another.
CREATE TYPE reelkeeper.keyed_frames AS RANGE (subtype = text, collation = "C");

CREATE FUNCTION reelkeeper.keyed(owner text, frames int4range) RETURNS reelkeeper.keyed_frames
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog
AS $$
    SELECT reelkeeper.keyed_frames(
        owner || ':' || lpad(lower(frames)::text, 10, '0'), owner || ':' || lpad(upper(frames)::text, 10, '0')
    )
$$;
