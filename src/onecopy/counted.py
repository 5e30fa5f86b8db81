"""Tenants whose contents the checksum API counts, as their index records them.

So every process that uses the index knows that it has to record the MD5 of their contents. The
record is the value `checksum-api-TENANT`; each process reads it once.
"""

from onecopy.index.interface import State

_ON = b"on"


def is_counted(state: State, tenant: str) -> bool:
    """Return whether the checksum API counts the contents of a tenant."""
    return state.get(_name(tenant)) is not None


def count(state: State, tenant: str) -> None:
    """Record that the checksum API counts the contents of a tenant. Repeatable."""
    if not is_counted(state, tenant):
        state.put_if(_name(tenant), None, _ON)


def stop_counting(state: State, tenant: str) -> None:
    """Record that it no longer does. Repeatable."""
    state.put_if(_name(tenant), _ON, None)


def _name(tenant: str) -> str:
    return f"checksum-api-{tenant}"
