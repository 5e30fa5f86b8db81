"""Find out, before a file is uploaded, whether the same content is already stored.

    from onecopy import Client
    from onecopy.files import walk
    from onecopy.upload import upload

    for result in upload(walk(["photos"]), Client("http://127.0.0.1:8000")):
        print(result.path, result.outcome, result.copy)

Names are imported when they are first used, so that the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from onecopy.version import __version__ as __version__

if TYPE_CHECKING:
    from onecopy.client import Client
    from onecopy.content import Content, Copy, Digests, Evidence, Verdict
    from onecopy.digest import Digest, Scheme
    from onecopy.errors import OnecopyError
    from onecopy.gate import Gate, LocalGate, bind, ticket_secrets
    from onecopy.index import Engine, open_index
    from onecopy.store import Store, open_store
    from onecopy.tenant import Tenant

__all__ = [
    "Client",
    "Content",
    "Copy",
    "Digest",
    "Digests",
    "Engine",
    "Evidence",
    "Gate",
    "LocalGate",
    "OnecopyError",
    "Scheme",
    "Store",
    "Tenant",
    "Verdict",
    "bind",
    "open_index",
    "open_store",
    "ticket_secrets",
]

_MODULES = {
    "onecopy.client": ("Client",),
    "onecopy.content": ("Content", "Copy", "Digests", "Evidence", "Verdict"),
    "onecopy.digest": ("Digest", "Scheme"),
    "onecopy.errors": ("OnecopyError",),
    "onecopy.gate": ("Gate", "LocalGate", "bind", "ticket_secrets"),
    "onecopy.index": ("Engine", "open_index"),
    "onecopy.store": ("Store", "open_store"),
    "onecopy.tenant": ("Tenant",),
}


if not TYPE_CHECKING:  # otherwise mypy would accept misspelt names

    def __getattr__(name: str) -> object:
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(module), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
