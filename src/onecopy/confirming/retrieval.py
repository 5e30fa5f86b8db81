"""Objects that cannot be read at once, or only for a fee."""

from typing import NamedTuple

from onecopy.aws.prices import RETRIEVAL_GB
from onecopy.store.interface import ARCHIVED, Object
from onecopy.text import count_text


class Refusal(NamedTuple):
    """Why an object is not read."""

    reason: str
    message: str


def refusal(seen: Object, *, paid: bool) -> Refusal | None:
    """Return why an object is not read; `paid` says whether a fee for retrieval is allowed."""
    if seen.storage == ARCHIVED:
        return Refusal(
            "store-archived",
            "a copy that may be the same is archived and cannot be read: restore it in the bucket "
            "and check again, or upload the file",
        )
    price = RETRIEVAL_GB.get(seen.storage)
    if price is None or paid:
        return None
    return Refusal(
        "store-retrieval",
        f"a copy that may be the same is in {seen.storage}, and reading its "
        f"{count_text(seen.size, 'byte')} costs about ${max(price * seen.size / 1e9, 0.01):.2f}: "
        "set confirm_retrieval in the settings to allow that, or upload the file",
    )
