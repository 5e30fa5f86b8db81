"""Migration of records from one index to another, or from any list of checksums.

migration.py      the loop that moves rows in batches, and resumes after an interruption
interface.py      the contracts of sources and destinations
opening.py        from the two addresses of a migration to a source and a destination
indexes.py        an index as source and as destination
postgres.py       tables and views of PostgreSQL as sources
tables.py         a table of PostgreSQL, read by its pages
queries.py        a view of PostgreSQL, or new rows of a table, read by a query
relations.py      tables and columns of PostgreSQL, found by their names
lists.py          files of checksums, opened by their names
csv_files.py      text and CSV files as sources
parquet_files.py  Parquet files as sources
files.py          what these files have in common
dynamodb.py       DynamoDB as source and destination
s3_import.py      a new DynamoDB table, imported from files in a bucket
columns.py        the columns that an address names
rows.py           conversion of rows into entries of an index
checksum.py       the formats in which checksums are accepted
checkpoint.py     progress, stored so that a migration can be resumed
counting.py       the number of entries in a destination
plan.py           estimates of time and cost
prototype.py      the arguments and environment of the prototype's script
"""

from onecopy.migrate.migration import MigrationResult, Progress, migrate
from onecopy.migrate.opening import open_destination, open_source
from onecopy.migrate.plan import Plan, plan

__all__ = [
    "MigrationResult",
    "Plan",
    "Progress",
    "migrate",
    "open_destination",
    "open_source",
    "plan",
]
