"""The steps that hash files, check them with the gate, and pass on those that are to be sent."""

from collections.abc import Sequence
from time import time_ns

from onecopy.content import Content, Verdict
from onecopy.digest import MD5, Hashed, MiB, Scheme, hash_stream
from onecopy.errors import OnecopyError
from onecopy.hashing import hash_fd
from onecopy.upload.item import NEEDED, Item, more_schemes, schemes_for
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.upload.steps.small import SmallFiles


def hash_file(flow: Flow, outcomes: Outcomes, item: Item) -> None:
    """Hash a file and queue it to be checked.

    A large file is hashed with one thread for each core, a small one in this thread.
    """
    size = item.file.size
    schemes = schemes_for(size, item.schemes, flow.max_digests)
    more = [MD5] if flow.states_md5 and MD5 not in schemes else []
    began = time_ns()
    try:
        hashed = _hash(flow, item, schemes + more)
    except (OnecopyError, OSError) as error:
        outcomes.fail(item, error)
    else:
        # A check is sent only the digests that the gate asked for.
        item.hashed = hashed._replace(digests=hashed.digests[: len(schemes)])
        item.is_cached = False
        if flow.states_md5:
            item.md5 = next(digest.value for digest in hashed.digests if digest.scheme == MD5)
        if flow.options.cache:
            flow.options.cache.keep([(item.file, hashed.digests)], began)
        flow.to_check.put(item)
    finally:
        flow.hashing.add(-1)


def _hash(flow: Flow, item: Item, schemes: Sequence[Scheme]) -> Hashed:
    """Return the digests of a file, and report the bytes that are read."""

    def report_read(length: int) -> None:
        flow.workers.check()
        flow.report(0, length)

    file, threads = item.file, None if item.large else 1
    if file.size <= MiB:  # the common case, kept cheap
        report_read(file.size)
        return hash_stream([file.read()], file.size, schemes)
    with file.open() as descriptor:
        return hash_fd(descriptor, file.size, schemes, threads=threads, progress=report_read)


class Checker:
    """Checks files in batches; duplicates end here, and equal files wait for the first of them."""

    def __init__(self, flow: Flow, outcomes: Outcomes, small: SmallFiles) -> None:
        self._flow = flow
        self._outcomes = outcomes
        self._small = small

    def check(self, batch: Sequence[Item]) -> None:
        """Check files, and queue those to be sent that are new and need not wait."""
        batch = self._place(batch)
        # An upload that is resumed is not hashed: its completion finds a duplicate.
        settled = self._check([item for item in batch if item.check and item.hashed])
        left = [item for item in batch if item not in settled]
        ready = [item for item in left if not self._reads(item) and self._may_proceed(item)]
        for item in ready:
            if item.large:
                self._flow.to_send_large.put(item)
        self._small.begin([item for item in ready if not item.large])

    def _place(self, batch: Sequence[Item]) -> Sequence[Item]:
        """Queue files to be placed, if wanted, which looks at their copies itself; return others.

        What cannot be placed comes back. Cached digests only serve to ask.
        """
        if not self._flow.options.place:
            return batch
        others: list[Item] = []
        for item in batch:
            may_be_known = item.check and item.hashed and not item.is_cached and not item.anyway
            if may_be_known and not item.placed:
                self._flow.to_place.put(item)
            else:
                others.append(item)
        return others

    def _reads(self, item: Item) -> bool:
        """Have a file read whose digests are cached, since these only serve to ask."""
        if not item.is_cached:
            return False
        item.is_cached, item.check = False, not item.anyway
        self._flow.queue_for_hashing(item)
        return True

    def _may_proceed(self, item: Item) -> bool:
        """Whether no file with the same content is in flight; empty files are never compared."""
        anyway = self._flow.options.anyway or item.anyway
        return anyway or not item.file.size or self._outcomes.in_flight.join(item)

    def _check(self, items: Sequence[Item]) -> set[Item]:
        """Check files; return those whose content is or may be stored, which are not sent now."""
        if not items:
            return set()
        contents = [
            Content(item.file.size, item.hashed.digests if item.hashed else ()) for item in items
        ]
        found = list(zip(items, self._flow.gate.check(contents), strict=True))
        for item, answer in found:
            item.check, item.unexamined = False, answer.unexamined
        again = self._hash_again([item for item, answer in found if answer.reason == NEEDED])
        known = [
            (item, answer)
            for item, answer in found
            if answer.verdict is not Verdict.NEW and item not in again
        ]
        sent = set()
        for item, answer in self._outcomes.waiting.wait(known):
            if self._outcomes.waiting.may_send(answer):
                item.anyway = True
                sent.add(item)
            else:
                self._outcomes.skip(item, answer)
        # `anyway` does not tell: a file that is skipped here may be queued again, to be sent.
        return again | {item for item, _ in known if item not in sent}

    def _hash_again(self, items: Sequence[Item]) -> set[Item]:
        """Queue files to be hashed by schemes that are known only since the check; return them."""
        if not items:
            return set()
        again, limit = set(), self._flow.max_digests
        probed = self._flow.gate.probe([item.file.size for item in items])
        for item, schemes in zip(items, probed, strict=True):
            digests = item.hashed.digests if item.hashed else ()
            if wider := more_schemes(item.file.size, digests, schemes, limit):
                item.schemes, item.check = frozenset(wider), True
                again.add(item)
                self._flow.queue_for_hashing(item)
        return again
