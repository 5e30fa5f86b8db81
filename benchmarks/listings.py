"""Speed of listings in the SQLite index: first and second listing, lookups, space.

    python benchmarks/listings.py [--copies N] [--folder SCRATCH]

COPIES defaults to 10 million; 500,000 are enough for a quick look. The synthetic entries are like
those of a bucket: keys of 60 bytes in order, log-normal sizes, 30 % share their content with
another object, 0.2 % were uploaded in parts. The time to make them is not counted.

Floors: the finished rows of the index, written by bare `executemany` with the same transactions;
and a table with a row for each copy, and an index by size, filled the same way.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import batched, islice
from math import exp
from pathlib import Path
from random import Random
from statistics import NormalDist

import apsw

from onecopy.index.listings import Merged
from onecopy.index.sqlite import SqliteIndex
from onecopy.index.sqlite.file import connect, open_file
from onecopy.listing import EVERYTHING, ListedCopy, Span

TENANT = "default"
SPAN = 10_000
"""Copies of one merge, as in a scan."""
