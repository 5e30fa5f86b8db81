"""What `store/s3` relies on, requested of a server: each fact is a request and what S3 answers.

S3's answers are those of its documentation. What the stand-ins answer otherwise stands in
`differences.py`.
"""

from tests.standins.facts import (
    access,
    buckets,
    completing,
    ending,
    keys,
    objects,
    parts,
    presigned,
)
from tests.standins.facts.asking import FACTS, Place, ask

__all__ = [
    "FACTS",
    "Place",
    "access",
    "ask",
    "buckets",
    "completing",
    "ending",
    "keys",
    "objects",
    "parts",
    "presigned",
]
