"""Confirming in the background: stored copies too large to be read within a request are read once.

A copy is read in ranges, under a lease. Finished ranges are recorded in the index, so that another
process resumes where one ended. Who reads them is one of two:

    threads       ThreadReaders: threads of this process; `reader` reads one copy
    queued        QueueReaders: the receivers of messages of a queue; `ranges` reads one range

Both have in common:

    interface     Readers, the contract; Reading, Progress
    source        the object of a copy: its looks, its parts, its proof
    parts         parts hashed by several threads, in order
    describing    what threads do while there is nothing to read
    records       lease and ranges in the index; `jobs`: those of a queue
    budget        bytes per second and day; `defaults`: the limits unless the settings state others
    retrieval     objects that cannot be read, or only for a fee
"""

from onecopy.confirming.budget import Limits
from onecopy.confirming.defaults import limits_for
from onecopy.confirming.interface import (
    CONFIRMING,
    READ_LIMIT,
    Idle,
    Measured,
    Progress,
    Readers,
    Reading,
)
from onecopy.confirming.queued import Queue, QueueReaders, Range
from onecopy.confirming.ranges import RangeReader
from onecopy.confirming.retrieval import refusal
from onecopy.confirming.threads import ThreadReaders
from onecopy.reading.parts import is_ranged

__all__ = [
    "CONFIRMING",
    "READ_LIMIT",
    "Idle",
    "Limits",
    "Measured",
    "Progress",
    "Queue",
    "QueueReaders",
    "Range",
    "RangeReader",
    "Readers",
    "Reading",
    "ThreadReaders",
    "is_ranged",
    "limits_for",
    "refusal",
]
