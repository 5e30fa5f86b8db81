"""Usage: what tenants store and have begun to upload, and the quotas for both."""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from onecopy.content import Copy
from onecopy.errors import QuotaExceeded
from onecopy.gate.begun import BegunUploads
from onecopy.gate.stored import StoredBytes
from onecopy.index.interface import Engine
from onecopy.store.interface import Upload
from onecopy.tenant import Quota, Quotas
from onecopy.text import count_text


class TenantUsage(NamedTuple):
    """What one tenant uses, in bytes, and its quotas."""

    tenant: str
    stored: int
    unsent: int
    quota: Quota


class Usage:
    """The usage of all tenants, as this process knows it."""

    def __init__(
        self, index: Engine, quotas: Quotas | None = None, begun: BegunUploads | None = None
    ) -> None:
        self._index = index
        self._quotas = quotas or Quotas()
        self._stored = StoredBytes(index)
        self.begun = begun or BegunUploads()

    def reserve(self, tenant: str, uploads: Sequence[Upload]) -> dict[str, QuotaExceeded]:
        """Count uploads that will be begun; return the errors of those beyond a quota, by id.

        Raises Busy if the tenant has begun more than its share of uploads.
        """
        self.begun.require_share(tenant, len(uploads))
        quota = self._quotas.of(tenant)
        if quota.stored < inf:
            self._stored.refresh(tenant)
        refused: dict[str, QuotaExceeded] = {}

        def most() -> float:  # of uploads that are completed now, each counts in at least one place
            return min(quota.unsent, quota.stored - self._stored.known(tenant))

        for upload in uploads:
            unsent = self.begun.add(tenant, upload, most)
            if unsent is not None:
                stored = self._stored.known(tenant)
                refused[upload.id] = _exceeded(upload.size, stored, unsent, quota)
        if refused and quota.stored < inf:
            self._stored.recount(tenant)
        return refused

    def new_bytes(self, tenant: str, copies: Sequence[Copy]) -> int:
        """Return the bytes of copies that are not recorded yet; 0 for a tenant without a quota."""
        if self._quotas.of(tenant).stored == inf or not copies:
            return 0
        recorded = self._index.at(tenant, [copy.key for copy in copies])
        pairs = zip(copies, recorded, strict=True)
        return sum(
            copy.size for copy, known in pairs if not known or known.identity != copy.identity
        )

    def add_stored(self, tenant: str, size: int) -> None:
        """Count bytes of new objects."""
        self._stored.add(tenant, size)

    def figures(self) -> Iterable[TenantUsage]:
        """Yield the usage of tenants with quotas, without a request to the index."""
        unsent = self.begun.bytes()
        for tenant in sorted({*unsent, *self._quotas.tenants, *self._stored.tenants()}):
            quota = self._quotas.of(tenant)
            if min(quota) < inf:
                yield TenantUsage(tenant, self._stored.known(tenant), unsent.get(tenant, 0), quota)


def _exceeded(size: int, stored: int, unsent: int, quota: Quota) -> QuotaExceeded:
    what = f"no room for {count_text(size, 'byte')}"
    for limit, name in ((quota.stored, "quota"), (quota.unsent, "quota for unfinished uploads")):
        if size > limit:
            return QuotaExceeded(
                f"{what}: the {name} is {count_text(int(limit), 'byte')}; ask the operator for more"
            )
    if unsent + size > quota.unsent:
        return QuotaExceeded(
            f"{what}: {unsent:,} bytes of uploads are unfinished (quota {quota.unsent:,.0f}); "
            "complete or abort some first"
        )
    return QuotaExceeded(
        f"{what}: {stored:,} bytes are stored, and {unsent:,} bytes of uploads are unfinished "
        f"(quota {quota.stored:,.0f}); remove files, or ask the operator for more"
    )
