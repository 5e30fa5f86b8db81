"""Moving what is known from one index into another, or from any list of checksums.

moving.py      the way of the rows, and what becomes of an interruption
interface.py   what sources and destinations are
opening.py     what the two addresses of a migration name
indexes.py     an index as source and as destination
tables.py      any table of PostgreSQL
lists.py       CSV and Parquet
rows.py        rows as entries of an index
checksum.py    how people write checksums
checkpoint.py  how far it is
rejects.py     what could not be moved
plan.py        what it would take, and prices.py what Amazon charges
dynamodb.py    DynamoDB on both sides
s3_import.py   a table of DynamoDB that is imported from files in a bucket
"""

from onecopy.migrate.moving import Moved, Step, migrate
from onecopy.migrate.opening import open_destination, open_prototype, open_source
from onecopy.migrate.plan import Plan, plan

__all__ = [
    "Moved",
    "Plan",
    "Step",
    "migrate",
    "open_destination",
    "open_prototype",
    "open_source",
    "plan",
]
