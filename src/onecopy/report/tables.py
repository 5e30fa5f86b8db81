"""The temporary tables of a report, and the queries on them, in the SQL of DuckDB."""

COLUMNS = {
    "copies": {
        "tenant": "INTEGER",
        "digest": "BLOB",
        "md5": "BLOB",
        "size": "BIGINT",
        "object": "BIGINT",
        "number": "BIGINT",
        "stored": "BIGINT",
        "class": "VARCHAR",
        "key": "VARCHAR",
    },
    "weak": {
        "tenant": "INTEGER",
        "evidence": "BLOB",
        "size": "BIGINT",
        "object": "BIGINT",
        "number": "BIGINT",
        "stored": "BIGINT",
        "class": "VARCHAR",
        "key": "VARCHAR",
    },
    "aliases": {"tenant": "INTEGER", "evidence": "BLOB", "size": "BIGINT", "same": "BLOB"},
    "unread": {"tenant": "INTEGER", "size": "BIGINT", "object": "BIGINT"},
}
"""`copies`: with a content digest and perhaps the MD5 of the whole, or no evidence. `weak`:
with weak evidence alone. `aliases`: further evidence of a copy, beside the digest or evidence under
which it is in one of the others. `unread`: files of a folder that no scan had to read. `class` is
the storage class, NULL for STANDARD and in a folder. `number` counts the rows of copies and weak,
`object` is the same for names of one object, and `stored` is in seconds since 1970."""

_NUMBERS = 2**31
"""Numbers are below."""
_FIRST = f"min(stored * {_NUMBERS} + number)"
"""Of the objects that were stored in the first second, the one with the lowest number."""
_LAST = f"min(stored * {_NUMBERS} - number)"
"""Of the same objects, the one with the highest number. If it is another one, keys decide."""
_KEPT = f"""first % {_NUMBERS} AS kept, first // {_NUMBERS} AS oldest,
       first // {_NUMBERS} * {_NUMBERS} - last <> first % {_NUMBERS} AS is_tied"""
_LINKED = (
    """
    CREATE TABLE {table}_linked AS SELECT object FROM {table} GROUP BY object HAVING count(*) > 1;
    """,
    """
    CREATE TABLE {table}_links AS
    SELECT tenant, {evidence}, size, arg_min(number, key) AS number,
           arg_min(stored, key) AS stored, min(class) AS class, min(key) AS key,
           count(*) AS names
    FROM {table} SEMI JOIN {table}_linked USING (object) GROUP BY tenant, {evidence}, size, object;
    """,
    """
    CREATE VIEW {table}_objects AS
    SELECT tenant, {evidence}, size, number, stored, class, key, 1 AS names
    FROM {table} ANTI JOIN {table}_linked USING (object)
    UNION ALL FROM {table}_links;
    """,
)
LINKED = (
    *(statement.format(table="copies", evidence="digest") for statement in _LINKED),
    *(statement.format(table="weak", evidence="evidence") for statement in _LINKED),
)
"""Objects of a folder, where hard links are one object with many names: few objects have several,
so only those are grouped."""
UNLINKED = tuple(
    f"""
    CREATE VIEW {table}_objects AS
    SELECT * REPLACE (coalesce(class, 'STANDARD') AS class), 1 AS names FROM {table};
    """
    for table in ("copies", "weak")
)

# The evidence of copies that are known by weak evidence alone. If other evidence of a copy is the
# same (`links`), they are grouped by the digest or evidence under which that one is kept; content
# digests have 32 bytes. `kept` is the number of the one object of a group that is no duplicate: the
# oldest, and of several of the same second, the one with the first key.
GROUPS = (
    # Most contents are stored once. A hash finds the others without spilling to disk.
    """
    CREATE TABLE twice AS SELECT hash(tenant, digest, size) AS content
    FROM copies_objects WHERE digest IS NOT NULL GROUP BY content HAVING count(*) > 1;
    """,
    f"""
    CREATE TABLE groups AS
    SELECT tenant, digest, size, objects, {_KEPT}
    FROM (
        SELECT tenant, digest, size, count(*) AS objects, {_FIRST} AS first, {_LAST} AS last
        FROM copies_objects WHERE digest IS NOT NULL AND hash(tenant, digest, size) IN (FROM twice)
        GROUP BY tenant, digest, size HAVING count(*) > 1
    );
    """,
    """
    UPDATE groups SET kept = chosen.number
    FROM (
        SELECT tenant, digest, size, number
        FROM copies_objects JOIN groups USING (tenant, digest, size)
        WHERE is_tied AND stored = oldest
        QUALIFY row_number() OVER (PARTITION BY tenant, digest, size ORDER BY key) = 1
    ) AS chosen
    WHERE groups.tenant = chosen.tenant AND groups.digest = chosen.digest
        AND groups.size = chosen.size;
    """,
    f"""
    CREATE TABLE alike AS
    SELECT tenant, size, evidence, count(*) AS objects, {_FIRST} AS first, {_LAST} AS last
    FROM weak_objects GROUP BY tenant, size, evidence;
    """,
    """
    CREATE TABLE links AS
    SELECT tenant, size, evidence, min(same) AS same
    FROM (
        FROM aliases UNION ALL
        SELECT tenant, md5 || '\\x00\\x00\\x00\\x00'::BLOB, size, digest
        FROM copies WHERE md5 IS NOT NULL
    ) SEMI JOIN weak USING (tenant, size, evidence) GROUP BY tenant, size, evidence;
    """,
    f"""
    CREATE TABLE likely AS
    SELECT tenant, size, shared, likely, is_proved, {_KEPT},
           likely - (NOT is_proved)::INTEGER AS duplicates
    FROM (
        SELECT tenant, size, coalesce(same, evidence) AS shared, sum(objects)::BIGINT AS likely,
               bool_or(coalesce(octet_length(same) = 32, false)) AS is_proved,
               min(first) AS first, min(last) AS last
        FROM alike LEFT JOIN links USING (tenant, size, evidence)
        WHERE objects > 1 OR same IS NOT NULL OR (tenant, size, evidence) IN (
            SELECT (tenant, size, same) FROM links
        )
        GROUP BY tenant, size, shared
    ) WHERE likely > (NOT is_proved)::INTEGER;
    """,
    """
    UPDATE likely SET kept = chosen.number
    FROM (
        SELECT weak.tenant, weak.size, shared, number
        FROM weak_objects AS weak LEFT JOIN links USING (tenant, size, evidence)
        JOIN likely ON likely.tenant = weak.tenant AND likely.size = weak.size
            AND likely.shared = coalesce(same, evidence)
        WHERE is_tied AND NOT is_proved AND stored = oldest
        QUALIFY row_number() OVER (PARTITION BY weak.tenant, weak.size, shared ORDER BY key) = 1
    ) AS chosen
    WHERE likely.tenant = chosen.tenant AND likely.size = chosen.size
        AND likely.shared = chosen.shared;
    """,
    """
    CREATE VIEW duplicates AS
    SELECT true AS is_proved, tenant, size, stored, class, key
    FROM copies_objects JOIN groups USING (tenant, digest, size) WHERE number <> kept
    UNION ALL
    SELECT false, weak.tenant, weak.size, stored, class, key
    FROM weak_objects AS weak LEFT JOIN links USING (tenant, size, evidence)
    JOIN likely ON likely.tenant = weak.tenant AND likely.size = weak.size
        AND likely.shared = coalesce(same, evidence)
    WHERE is_proved OR number <> kept;
    """,
)
COUNTS = """
SELECT count(*) FILTER (digest IS NOT NULL), coalesce(sum(names) FILTER (digest IS NOT NULL), 0),
       coalesce(sum(size) FILTER (digest IS NOT NULL), 0),
       count(*) FILTER (digest IS NULL), coalesce(sum(size) FILTER (digest IS NULL), 0)
FROM copies_objects;
"""
SUMS = """
SELECT count(*), coalesce(sum(objects - 1), 0), coalesce(sum(size * (objects - 1)), 0) FROM groups;
"""
UNREAD = """
SELECT count(*), coalesce(sum(size), 0) FROM (SELECT DISTINCT tenant, size, object FROM unread);
"""
NAMES = """
SELECT (SELECT count(*) FROM copies) + (SELECT count(*) FROM weak) + (SELECT count(*) FROM unread);
"""
WEAK = "SELECT coalesce(sum(objects), 0), coalesce(sum(size * objects), 0) FROM alike;"
LIKELY_SUMS = """
SELECT count(*), coalesce(sum(duplicates), 0), coalesce(sum(size * duplicates), 0) FROM likely;
"""
TOP = """
CREATE OR REPLACE TABLE top AS
SELECT *, row_number() OVER (ORDER BY wasted DESC, tenant, digest) AS place
FROM (
    SELECT tenant, digest, size, objects, size * (objects - 1) AS wasted FROM groups
    ORDER BY wasted DESC, tenant, digest LIMIT ?
);
"""
TOP_ROWS = "SELECT place, tenant, digest, size, objects FROM top ORDER BY place;"
TOP_KEYS = """
SELECT place, min(key, {keys}), min(stored), max(stored)
FROM copies JOIN top USING (tenant, digest, size) GROUP BY place;
"""
LIKELY_TOP = """
CREATE OR REPLACE TABLE likely_top AS
SELECT *, row_number() OVER (ORDER BY wasted DESC, tenant, shared) AS place
FROM (
    SELECT tenant, size, shared, likely, is_proved, kept, size * duplicates AS wasted FROM likely
    ORDER BY wasted DESC, tenant, shared LIMIT ?
);
"""
LIKELY_MEMBERS = """
CREATE OR REPLACE TABLE members AS
SELECT place, weak.stored, weak.key, coalesce(class, 'STANDARD') AS class,
    is_proved OR number <> kept AS is_duplicate
FROM weak LEFT JOIN links USING (tenant, size, evidence)
JOIN likely_top ON likely_top.tenant = weak.tenant AND likely_top.size = weak.size
    AND shared = coalesce(same, evidence)
UNION ALL
SELECT place, stored, key, class, false FROM copies JOIN likely_top
ON is_proved AND digest = shared AND copies.tenant = likely_top.tenant
    AND copies.size = likely_top.size;
"""
LIKELY_CLASSES = """
SELECT place, class, count(*) FROM members WHERE is_duplicate GROUP BY place, class
ORDER BY place, class;
"""
LIKELY_ROWS = """
SELECT place, tenant, shared, size, likely, likely + (
    SELECT count(*) FROM copies_objects AS proved WHERE is_proved AND digest = shared
    AND proved.tenant = likely_top.tenant AND proved.size = likely_top.size
)
FROM likely_top ORDER BY place;
"""
LIKELY_KEYS = """
SELECT place, min(key, {keys}), min(stored), max(stored) FROM members GROUP BY place;
"""
