"""What duplicates cost, and what the check before upload would have avoided.

From a listing, a list of objects or a folder alone: without an index, and without writing anything
but temporary files, which are deleted.

    source ─▶ objects in a temporary database ─▶ those with equals ─▶ figures

auditing    from a source to the figures
request     what is audited, and how
summary     from objects in a database to the figures
figures     the figures
tables      the queries, which SQLite and DuckDB both understand
objects     objects in a temporary SQLite database
bucket      the objects that a bucket lists
lists       the rows of a list of objects
parquet     the same of Parquet files, in DuckDB
parquet_files  their columns
folder      the files of a folder, read where sizes are equal
"""

from onecopy.audit.auditing import audit
from onecopy.audit.figures import Amount, Audit, Group, Rows, Share
from onecopy.audit.request import Request

__all__ = ["Amount", "Audit", "Group", "Request", "Rows", "Share", "audit"]
