"""The gate decides which files are already stored, and admits and completes uploads.

    interface       the contract, Gate, and its values
    local           LocalGate: decides from an index and a store
    explanation     ExplainingGate: notes why it decides so
    validation      limits, and validation of requests
    beginning       Beginning: refuses what is invalid, known or taken, and begins the rest
    sending         Sending: signs requests to a bucket, writes bytes to a folder
    batch           BatchWriter: writes small files that are sent together
    completion      Completion: publishes uploads and records their copies
    publishing      Publisher: publishes the bytes of uploads
    md5             WholeMd5: adds the MD5 to copies that the checksum API counts
    placing         Placing: gives stored contents copies under other keys
    copying         Copying: has the store make these copies, and completes them
    sources         Sources: looks at the copies that are to be copied
    running         Running: jobs that only one request of a process does at a time
    waiting         Waiting: lets an upload wait for another one of the same content
    leases          ContentLeases: which upload has the lease of a content
    decision        Decider: decides about a batch of contents
    matching        compares copies with contents
    candidates      Candidates: the copies that may hold a content
    settling        Settling: confirms candidates until one holds the content
    confirm         Confirmer: confirms one copy, or reads it
    background      Background: has large copies read outside of the request
    budget          Budget: limits of what one request may read
    trash           Trash: copies in the trash, which make no duplicate
    listed          ListedCopies: copies that are only known from a listing
    examination     looks at listed copies that may have a content
    checksum_lists  ChecksumLists: contents that only a checksum list has
    needed_digests  NeededDigests: digests without which a content can't be called new
    answers         answers that several of these steps give
    pending         PendingUploads: begins and aborts uploads
    notes           UploadNotes: the names of our uploads in a bucket
    usage           Usage: what tenants store and have begun, and their quotas
    begun           BegunUploads: the uploads that were begun in this process
    stored          StoredBytes: how many bytes a tenant stores
    counting        Counting: counts uploads, and those that were avoided
    binding         binds an index to its store

Uploading code uses `Gate`: either `LocalGate`, or `onecopy.client.Client` for a service. A gate
serves one tenant. `LocalGate` is imported on first use, since clients of a service do not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from onecopy.gate.interface import (
    Answer,
    Avoided,
    Config,
    Finish,
    Gate,
    Limits,
    Place,
    Request,
    SmallFile,
    Status,
)

if TYPE_CHECKING:
    from onecopy.gate.binding import bind, check_binding
    from onecopy.gate.local import LocalGate
    from onecopy.tickets import ticket_secrets

__all__ = [
    "Answer",
    "Avoided",
    "Config",
    "Finish",
    "Gate",
    "Limits",
    "LocalGate",
    "Place",
    "Request",
    "SmallFile",
    "Status",
    "bind",
    "check_binding",
    "ticket_secrets",
]

_MODULES = {
    "LocalGate": "onecopy.gate.local",
    "bind": "onecopy.gate.binding",
    "check_binding": "onecopy.gate.binding",
    "ticket_secrets": "onecopy.tickets",
}


if not TYPE_CHECKING:  # otherwise type checkers would accept misspelt names

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)
