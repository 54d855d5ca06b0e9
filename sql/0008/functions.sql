-- Words are found with or without accents and capitals, by how they begin. The embedded server brings neither unaccent nor
-- pg_trgm (its wheel has plpgsql and vector alone), so that text is folded here and then looked for by Postgres's own text
-- search. Bodies in standard SQL are bound to what they name as they are made, whatever the search path of who calls.

-- Decomposed, without the marks, in small letters, with blanks between words; letters that do not decompose are replaced
-- one by one. Characters of Chinese and Japanese are words of their own.
CREATE FUNCTION reelkeeper.folded(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN btrim(regexp_replace(regexp_replace(
        translate(lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]', '', 'g')), 'øłđıħŧ', 'oldiht'),
        '([\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])', ' \1 ', 'g'), '[^[:alnum:]]+', ' ', 'g'));

-- What is asked for: every word typed, each as the beginning of one; what it falls into stands side by side. Null for none.
CREATE FUNCTION reelkeeper.sought(query text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_tsquery('simple'::regconfig, string_agg(replace(folded, ' ', ' <-> ') || ':*', ' & '))
    FROM (
        SELECT reelkeeper.folded(word) AS folded FROM regexp_split_to_table(left(query, 400), '\s+') AS typed(word)
    ) AS pieces
    WHERE folded <> '';
END;

-- Frames of different owners in one range type. An exclusion constraint over owner and frames would need btree_gist,
-- which the embedded server does not bring. Texts of equal length sort as their numbers do, and whatever begins with one
-- uuid lies between no two that begin with another.
CREATE TYPE reelkeeper.keyed_frames AS RANGE (subtype = text, collation = "C");

CREATE FUNCTION reelkeeper.keyed(owner text, frames int4range) RETURNS reelkeeper.keyed_frames
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN reelkeeper.keyed_frames(
        owner || ':' || lpad(lower(frames)::text, 10, '0'), owner || ':' || lpad(upper(frames)::text, 10, '0')
    );
