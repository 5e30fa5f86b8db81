"""The temporary tables of a report, and the queries on them."""

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
PRAGMA temp_store = FILE;
CREATE TABLE copies (tenant TEXT, digest BLOB, size INTEGER, object INTEGER, key TEXT);
CREATE TABLE weak (tenant TEXT, evidence BLOB, size INTEGER, object INTEGER, key TEXT);
CREATE TABLE aliases (tenant TEXT, evidence BLOB, size INTEGER, same BLOB);
CREATE TABLE unread (tenant TEXT, size INTEGER, object INTEGER);
CREATE TABLE links (
    tenant TEXT, size INTEGER, evidence BLOB, same BLOB, PRIMARY KEY (tenant, size, evidence)
) WITHOUT ROWID;
BEGIN;
"""
"""`copies`: with a content digest, or without any evidence. `weak`: with weak evidence alone.
`aliases`: further evidence of a copy, beside the digest or evidence under which it is in one of the
others. `links`: those of them that somebody else's weak evidence equals."""
INSERTS = {
    "copies": "INSERT INTO copies VALUES (?, ?, ?, ?, ?)",
    "weak": "INSERT INTO weak VALUES (?, ?, ?, ?, ?)",
    "aliases": "INSERT INTO aliases VALUES (?, ?, ?, ?)",
    "unread": "INSERT INTO unread VALUES (?, ?, ?)",
}

GROUPS = """
CREATE TABLE groups AS
SELECT tenant, digest, size, count(DISTINCT object) AS objects, count(*) AS names
FROM copies WHERE digest IS NOT NULL GROUP BY tenant, digest, size;
"""
SUMS = """
SELECT count(*), coalesce(sum(objects), 0), coalesce(sum(names), 0),
       coalesce(sum(size * objects), 0), coalesce(sum(objects > 1), 0),
       coalesce(sum(objects - 1), 0), coalesce(sum(size * (objects - 1)), 0)
FROM groups;
"""
UNIDENTIFIED = """
SELECT count(*), coalesce(sum(size), 0)
FROM (SELECT DISTINCT tenant, size, object FROM copies WHERE digest IS NULL);
"""
UNREAD = """
SELECT count(*), coalesce(sum(size), 0) FROM (SELECT DISTINCT tenant, size, object FROM unread);
"""
TOP = """
CREATE TABLE top AS SELECT *, row_number() OVER () AS place FROM (
    SELECT tenant, digest, size, objects FROM groups WHERE objects > 1
    ORDER BY size * (objects - 1) DESC, tenant, digest LIMIT ?
);
"""
TOP_ROWS = "SELECT place, tenant, digest, size, objects FROM top ORDER BY place;"
TOP_KEYS = """
SELECT place, key FROM copies CROSS JOIN top USING (tenant, digest, size) ORDER BY place, key;
"""

# The evidence of copies that are known by weak evidence alone. If other evidence of a copy is the
# same, they are grouped by the digest or evidence under which that one is kept; content digests
# have 32 bytes.
LIKELY_GROUPS = """
CREATE INDEX weak_evidence ON weak (tenant, size, evidence, object);
CREATE TABLE alike AS
SELECT tenant, size, evidence, count(DISTINCT object) AS objects
FROM weak GROUP BY tenant, size, evidence;
INSERT INTO links
SELECT tenant, size, evidence, min(same) FROM aliases
WHERE EXISTS (
    SELECT 1 FROM weak WHERE weak.tenant = aliases.tenant AND weak.size = aliases.size
    AND weak.evidence = aliases.evidence
) GROUP BY tenant, size, evidence;
CREATE INDEX links_same ON links (tenant, size, same);
CREATE TABLE likely AS
SELECT *, likely - NOT is_proved AS duplicates FROM (
    SELECT tenant, size, coalesce(same, evidence) AS shared, sum(objects) AS likely,
           coalesce(length(same) = 32, 0) AS is_proved
    FROM alike LEFT JOIN links USING (tenant, size, evidence)
    WHERE objects > 1 OR same IS NOT NULL OR EXISTS (
        SELECT 1 FROM links AS other WHERE other.tenant = alike.tenant
        AND other.size = alike.size AND other.same = alike.evidence
    ) GROUP BY tenant, size, shared
) WHERE duplicates > 0;
"""
WEAK = "SELECT coalesce(sum(objects), 0), coalesce(sum(size * objects), 0) FROM alike;"
LIKELY_SUMS = """
SELECT count(*), coalesce(sum(duplicates), 0), coalesce(sum(size * duplicates), 0) FROM likely;
"""
LIKELY_TOP = """
CREATE TABLE likely_top AS SELECT *, row_number() OVER () AS place FROM (
    SELECT tenant, size, shared, likely, is_proved FROM likely
    ORDER BY size * duplicates DESC, tenant, shared LIMIT ?
);
CREATE TABLE members AS
SELECT place, tenant, size, shared AS evidence FROM likely_top
UNION SELECT place, links.tenant, links.size, links.evidence FROM likely_top
JOIN links ON links.tenant = likely_top.tenant AND links.size = likely_top.size
AND links.same = likely_top.shared;
"""
LIKELY_ROWS = """
SELECT place, likely_top.tenant, shared, likely_top.size, likely,
       likely + coalesce((
           SELECT objects FROM groups WHERE is_proved AND digest = shared
           AND groups.tenant = likely_top.tenant AND groups.size = likely_top.size
       ), 0)
FROM likely_top ORDER BY place;
"""
LIKELY_KEYS = """
SELECT place, key FROM members CROSS JOIN weak USING (tenant, size, evidence)
UNION ALL
SELECT place, key FROM copies CROSS JOIN likely_top
ON is_proved AND digest = shared AND copies.tenant = likely_top.tenant
AND copies.size = likely_top.size
ORDER BY place, key;
"""
