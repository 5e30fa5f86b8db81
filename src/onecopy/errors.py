"""The exceptions of onecopy.

    OnecopyError              anything that onecopy raises on purpose
    ├── BadInput              the caller has to change something
    │   ├── InvalidDigest     not a digest, or a digest that does not fit the size
    │   ├── InvalidKey        a name that no store accepts
    │   ├── InvalidTicket     forged, of another tenant, or expired
    │   ├── LimitExceeded     more than a limit allows
    │   └── WrongBytes        the bytes sent do not match the digest
    ├── InvalidSettings       a URL, file or variable that can't be used
    │   └── NoIndex           no index is where the settings name one
    ├── NotAllowed            the token does not cover this
    ├── FileChanged           a local file changed while it was read
    ├── UploadUnknown         the store does not have (or no longer has) this upload
    ├── PartSuperseded        a newer request sends the same part
    └── Failure               a back end failed
        ├── Damaged           the index holds what onecopy never wrote
        ├── Unavailable       it may succeed a moment later: the only class that may be retried
        │   └── Busy          this tenant already has its share
        ├── Forbidden         the store or index refuses our credentials or permissions
        └── StoreFull         no room left
            └── QuotaExceeded no room left for this tenant

Expected outcomes (a duplicate, a taken key, an absent object) are return values, never
exceptions. Every exception has a `reason`, the code in HTTP responses and `--json` output.
"""

import errno
import os


class OnecopyError(Exception):
    """Base class; `reason` is a stable code, and the message says what to do."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class BadInput(OnecopyError):
    """The caller has to change something."""

    reason = "bad-input"


class InvalidDigest(BadInput):
    """Not a digest, or a digest that does not fit the size."""

    reason = "digest-invalid"


class InvalidKey(BadInput):
    """A name that no store accepts."""

    reason = "key-invalid"


class InvalidTicket(BadInput):
    """Forged, of another tenant, or expired (reason `ticket-expired`)."""

    reason = "ticket-invalid"


class LimitExceeded(BadInput):
    """More than a limit allows; `GET /v1/config` returns the limits of requests."""

    reason = "limit-exceeded"


class WrongBytes(BadInput):
    """The bytes sent do not match the digest."""

    reason = "digest-mismatch"


class InvalidSettings(OnecopyError):
    """A URL, file or variable that can't be used."""

    reason = "settings-invalid"


class NoIndex(InvalidSettings):
    """No index is where the settings name one."""


class NotAllowed(OnecopyError):
    """The token does not cover this."""

    reason = "not-allowed"


class FileChanged(OnecopyError):
    """A local file changed while it was read."""

    reason = "file-changed"


class UploadUnknown(OnecopyError):
    """The store does not have (or no longer has) this upload."""

    reason = "upload-unknown"


class PartSuperseded(OnecopyError):
    """A newer request sends the same part of the same upload."""

    reason = "part-superseded"


class Failure(OnecopyError):
    """A back end failed."""

    reason = "failure"
    fix: str | None = None
    """What to do about it, if that is known; it is also the end of the message, after `; `."""


class Damaged(Failure):
    """The index holds what onecopy never wrote: nothing that it answers can be relied on."""

    reason = "index-failure"
    detail = ""
    """What was found, without the advice."""


class Unavailable(Failure):
    """It may succeed a moment later: the only class that may be retried."""

    reason = "unavailable"
    retry_after: float | None = None
    """The delay in seconds that the server asked for, if any."""


class Busy(Unavailable):
    """This tenant already has its share of what all tenants use together."""

    reason = "busy"


class Forbidden(Failure):
    """The store or index refuses our credentials or permissions."""

    reason = "forbidden"


class StoreFull(Failure):
    """No room left in the store."""

    reason = "store-full"


class QuotaExceeded(StoreFull):
    """No room left for this tenant, whose quota the settings name."""

    reason = "quota-exceeded"


_ADVICE = {
    os.strerror(errno.ENOENT): "create its folder, or name another file",
    os.strerror(errno.ENOSPC): "free some space there, or name another file",
}


def unwritable(file: str, reason: str | None) -> InvalidSettings:
    """Return the error for a file that cannot be written, in the system's words for the reason."""
    advice = _ADVICE.get(reason or "", "name another file")
    return InvalidSettings(f"cannot write {file}: {reason}; {advice}")
