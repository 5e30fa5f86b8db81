"""All groups as a file: a row for each of their objects, as CSV or Parquet.

Keys are as people read them: line breaks and characters that change the direction of text are
escaped. In CSV, text that a spreadsheet would take for a formula begins with an apostrophe.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from onecopy.errors import unwritable
from onecopy.report.grouping import Grouping
from onecopy.report.keys import without_marks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["csv", "parquet"]
_EVIDENCE = """CASE octet_length({0})
    WHEN 32 THEN 'sha256:' || lower(hex({0}))
    WHEN 20 THEN 'etag:' || lower(hex({0}[:16])) || coalesce(
        '-' || nullif(('0x' || hex({0}[17:]))::BIGINT, 0), '')
    ELSE decode({0}) END"""
_ROWS = """
SELECT dense_rank() OVER (
           ORDER BY NOT is_proved, wasted_bytes DESC, tenant, evidence, size
       ) AS "group",
       CASE WHEN is_proved THEN 'proved' ELSE 'likely' END AS kind,
       {tenant} AS tenant, {evidence} AS evidence, size, objects, wasted_bytes,
       is_duplicate, {key} AS key, make_timestamp(stored * 1000000) AS stored_at,
       {storage} AS storage_class
FROM (
    SELECT true AS is_proved, tenant, digest AS evidence, size, objects,
           size * (objects - 1) AS wasted_bytes, number <> kept AS is_duplicate, key, stored, class
    FROM copies_objects JOIN groups USING (tenant, digest, size)
    UNION ALL
    SELECT false, weak.tenant, shared, weak.size, likely, weak.size * duplicates,
           is_proved OR number <> kept, key, stored, class
    FROM weak_objects AS weak LEFT JOIN links USING (tenant, size, evidence)
    JOIN likely ON likely.tenant = weak.tenant AND likely.size = weak.size
        AND likely.shared = coalesce(same, evidence)
) AS member JOIN owners ON owners.number = member.tenant
ORDER BY "group", key
"""


def write(grouping: Grouping, file: Path, kind: Kind) -> int:
    """Write all groups to a file, which is replaced; return the number of rows."""
    import duckdb

    database = grouping.database
    _name_tenants(database, grouping.tenants)
    safe = _formula_safe if kind == "csv" else str
    query = _ROWS.format(
        tenant=safe("owners.name"),
        evidence=safe(_EVIDENCE.format("evidence")),
        key=safe(without_marks("key")),
        storage=safe(without_marks("coalesce(class, '')")),
    )
    name = str(file).replace("'", "''")
    options = "FORMAT csv, HEADER" if kind == "csv" else "FORMAT parquet"
    try:
        [[rows]] = database.execute(f"COPY ({query}) TO '{name}' ({options})").fetchall()
    except duckdb.IOException as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2]  # behind DuckDB's own words
        raise unwritable(str(file), reason) from error
    return int(rows)


def _formula_safe(text: str) -> str:
    return f"CASE WHEN regexp_matches({text}, '^[=+@-]') THEN '''' || {text} ELSE {text} END"


def _name_tenants(database: "DuckDBPyConnection", tenants: list[str]) -> None:
    database.execute("CREATE OR REPLACE TABLE owners (number INTEGER, name VARCHAR)")
    for number, name in enumerate(tenants):
        database.execute("INSERT INTO owners VALUES (?, ?)", [number, name])
