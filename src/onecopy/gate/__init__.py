"""The gate: index + store + policy. It decides a verdict, and nothing else.

`Gate` is what uploading code sees; `LocalGate` decides by itself, and `onecopy.client.Client` asks
a service that has one. A gate speaks for one tenant.

What decides is imported when it is first used: whoever asks a service does not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from onecopy.gate.interface import (
    Answer,
    Config,
    Finish,
    Gate,
    Limits,
    Request,
    Status,
)

if TYPE_CHECKING:
    from onecopy.gate.local import LocalGate, bind
    from onecopy.tenant import Tenant
    from onecopy.tickets import ticket_secrets

__all__ = [
    "Answer",
    "Config",
    "Finish",
    "Gate",
    "Limits",
    "LocalGate",
    "Request",
    "Status",
    "Tenant",
    "bind",
    "ticket_secrets",
]

_HOMES = {
    "LocalGate": "onecopy.gate.local",
    "Tenant": "onecopy.gate.confirm",
    "bind": "onecopy.gate.local",
    "ticket_secrets": "onecopy.tickets",
}


if not TYPE_CHECKING:  # else misspelt names would pass for names

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)
