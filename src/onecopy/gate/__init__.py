"""The gate: index + store + policy. It decides a verdict, and nothing else.

`Gate` is what uploading code sees; `LocalGate` decides by itself, and `onecopy.client.Client` asks
a service that has one. A gate speaks for one tenant.
"""

from onecopy.gate.interface import (
    Answer,
    Config,
    Finish,
    Gate,
    Limits,
    Request,
    Status,
)
from onecopy.gate.living import Tenant
from onecopy.gate.local import LocalGate, bind
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
