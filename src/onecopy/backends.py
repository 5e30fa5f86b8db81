"""What the settings name, opened."""

from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager

from onecopy.errors import InvalidSettings
from onecopy.gate.interface import Gate
from onecopy.index import Engine, open_index
from onecopy.settings import Settings
from onecopy.store import Store, open_store


@contextmanager
def opened_gate(settings: Settings) -> Iterator[Gate]:
    """Open the service, or index and store; closes them at the end."""
    if settings.server is not None:
        from onecopy.client import Client

        client = Client(settings.server, settings.token)
        try:
            yield client
        finally:
            client.close()
        return
    from onecopy.gate import LocalGate
    from onecopy.tenant import Tenant

    with opened_backends(settings) as (index, store):
        yield LocalGate(
            index,
            store,
            Tenant(settings.tenant, settings.trust),
            secrets=ticket_secrets_of(settings, index),
            price=settings.price,
        )


@contextmanager
def opened_backends(settings: Settings) -> Iterator[tuple[Engine, Store]]:
    """Open index and store, which must belong together; closes them at the end."""
    from onecopy.gate import bind

    if settings.server is not None:
        raise InvalidSettings("this needs index and store themselves, not a server")
    with ExitStack() as stack:
        index = open_index(settings.index)
        stack.callback(index.close)
        store = open_store(settings.store)
        stack.callback(store.close)
        bind(index, store)
        yield index, store


@contextmanager
def opened_index(settings: Settings) -> Iterator[Engine]:
    """Open the index alone; closes it at the end."""
    index = open_index(settings.index)
    try:
        yield index
    finally:
        index.close()


def ticket_secrets_of(settings: Settings, index: Engine) -> list[bytes]:
    """Return the secrets that sign tickets: from the environment, or those that the index keeps."""
    from onecopy.gate import ticket_secrets

    return [settings.secret.encode()] if settings.secret else ticket_secrets(index)


def tenants_of(settings: Settings, index: Engine) -> Container[str]:
    """Return the names of the tenants: of those that have tokens, stand in the settings or sign in.

    Empty if there is but the default tenant.
    """
    from onecopy.claims import ClaimRule
    from onecopy.tokens import list_tokens

    known = {*settings.tenants, *(token.tenant for token in list_tokens(index))}
    if settings.jwt_tenant is None:
        return known
    return ClaimRule(settings.jwt_tenant).tenants(known)
