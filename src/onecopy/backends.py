"""The index, store and service named in the settings."""

from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings, NoIndex
from onecopy.gate.interface import Gate
from onecopy.index import Engine, engine_module, is_index, open_any, open_index
from onecopy.own_files import OwnFiles
from onecopy.processes import process_name
from onecopy.settings import Settings, untrusted_backend
from onecopy.store import Store, folder_tag, names_server, open_store, store_folder

if TYPE_CHECKING:
    from onecopy.confirming import ThreadReaders
    from onecopy.gate.explanation import ExplainingGate


@contextmanager
def opened_gate(settings: Settings, *, create: bool = True) -> Iterator[Gate]:
    """Open the service, or the index and store; they are closed at the end.

    Without `create`, nothing is created, and the gate is for checks only.
    """
    if settings.server is not None:
        from onecopy.client import Client

        client = Client(settings.server, settings.token, allow_http=settings.allow_http)
        with closing(client):
            yield client
        return
    from onecopy.gate import LocalGate
    from onecopy.gate.leases import ContentLeases
    from onecopy.gate.usage import Usage
    from onecopy.recorder import Recorder
    from onecopy.tenant import Tenant

    with (
        opened_backends(settings, create=create) as (index, store),
        opened_readers(settings, index, store) as readers,
        closing(Recorder(index)) as recorder,
    ):
        yield LocalGate(
            index,
            store,
            Tenant(settings.tenant, settings.trust),
            secrets=ticket_secrets_of(settings, index) if create else [],
            price=price_of_new(settings, store),
            trash=settings.trash_patterns,
            readers=readers,
            recorder=recorder,
            usage=Usage(index, settings.quotas),
            leases=ContentLeases.of(index, process=process_name()),
        )


@contextmanager
def opened_readers(
    settings: Settings, index: Engine, store: Store, *, is_service: bool = False
) -> Iterator["ThreadReaders | None"]:
    """Return what reads large copies in this process, if the store can; it is closed at the end.

    In a service, it also describes listed copies while it has nothing to read.
    """
    from onecopy.confirming import ThreadReaders, is_ranged, limits_for

    if not is_ranged(store):
        yield None
        return
    limits, daily = limits_for(settings, store), settings.describe_daily if is_service else 0
    with closing(ThreadReaders(index, store, limits, describe_daily=daily)) as readers:
        yield readers


@contextmanager
def opened_for_explaining(settings: Settings) -> "Iterator[ExplainingGate]":
    """Open a gate for checks that can be explained; nothing is created. Raises InvalidSettings."""
    from onecopy.gate.explanation import ExplainingGate, Notes
    from onecopy.tenant import Tenant

    if settings.server is not None:
        raise InvalidSettings(
            "a service does not show how its verdicts came about: to explain them, name its index "
            "and store with --index and --store, not --server"
        )
    tenant = Tenant(settings.tenant, settings.trust)
    notes = Notes(tenant)
    with opened_backends(settings, create=False) as opened:
        index, store = notes.of_index(opened[0]), notes.of_store(opened[1])
        with opened_readers(settings, index, store) as readers:
            yield ExplainingGate(
                index,
                store,
                tenant,
                notes=notes,
                price=price_of_new(settings, opened[1]),
                trash=settings.trash_patterns,
                readers=readers,
            )


def price_of_new(settings: Settings, store: Store) -> float:
    """Return US dollars per GB and month in the storage class that new objects get."""
    from onecopy.store.interface import Classed

    return settings.price_of(store.storage_class if isinstance(store, Classed) else "STANDARD")


@contextmanager
def opened_backends(settings: Settings, *, create: bool = True) -> Iterator[tuple[Engine, Store]]:
    """Open the index and store, which must belong together; they are closed at the end.

    Without `create`, nothing is created: the index must exist. The store may be missing if the
    index belongs to none yet, as one that only has lists. Raises InvalidSettings.
    """
    from onecopy.gate import bind, check_binding

    _require_local(settings)
    if not create:
        require_index(settings.index)
    with (
        closing(_open_for_checks(settings.index)) as index,
        closing(open_store(settings.store)) as store,
    ):
        (bind if create else check_binding)(index, store)
        yield index, store


@contextmanager
def opened_for_scan(
    settings: Settings, bind: Callable[[Engine, Store], object]
) -> Iterator[tuple[Engine, Store]]:
    """Open the index and store, and bind them; raises InvalidSettings if the store holds nothing.

    They are closed at the end.
    """
    _require_local(settings)
    with closing(open_store(settings.store)) as store:
        require_store(store)
        with closing(_open_for_checks(settings.index)) as index:
            bind(index, store)
            yield index, store


def is_unused(settings: Settings) -> bool:
    """Return whether index and store are the default ones, and neither exists yet."""
    default = Settings()
    if settings.server or (settings.index, settings.store) != (default.index, default.store):
        return False
    if any(path.exists() for path in engine_module(settings.index).files(settings.index)):
        return False
    with closing(open_store(settings.store)) as store:
        return store.is_vacant()


def _require_local(settings: Settings) -> None:
    from onecopy.tenant import check_tenant

    check_tenant(settings.tenant)
    if settings.server is not None:
        raise InvalidSettings(
            "this command needs an index and a store: use --index and --store, not --server"
        )


def require_index(url: str) -> None:
    """Raise NoIndex if there is no index."""
    try:
        engine_module(url).require_exists(url)
    except NoIndex as error:
        raise NoIndex(f"{error}; `onecopy upload` and `onecopy scan` create one") from error


def require_store(store: Store) -> None:
    """Raise InvalidSettings if there is nothing where the store should be."""
    if store.is_vacant():
        mounted = ", and that its disk is mounted" if store.kind == "folder" else ""
        raise InvalidSettings(
            f"there is nothing at {store.url}: check the name of the store{mounted}; "
            "`onecopy upload` with a new index creates a new store"
        )


def _open_for_checks(url: str) -> Engine:
    """Open an index; a table of checksums is opened as one that only checks can use."""
    index = open_any(url)
    if isinstance(index, Engine):
        return index
    from onecopy.index.lists_only import ListsOnly

    return ListsOnly(index, url)


def require_named(settings: Settings) -> None:
    """Raise InvalidSettings if a found file chose an index or store that receives credentials."""
    if "index" in settings.found and engine_module(settings.index).names_server(settings.index):
        raise untrusted_backend("index")
    if "store" in settings.found and names_server(settings.store):
        raise untrusted_backend("store")


def own_files(settings: Settings, gate: Gate | None = None, *, for_check: bool = False) -> OwnFiles:
    """Return the files and folders on this machine that a command uses for itself.

    With a server, its folder is recognized by the tag that `gate` states. A check may be given
    files in the store; an upload of them could only store them twice.
    """
    paths = [settings.cache, *([settings.token_file] if settings.token_file else [])]
    # The default index has secrets, too, if it was used before another was named.
    for index in {Settings().index, settings.index}:
        if is_index(index):
            paths += engine_module(index).files(index)
    if settings.server:
        return OwnFiles(paths, is_store=_is_served(gate), is_store_closed=not for_check)
    folder = store_folder(settings.store)
    folders = [folder] if folder else []
    return OwnFiles(paths, enterable=folders) if for_check else OwnFiles([*paths, *folders])


def _is_served(gate: Gate | None) -> Callable[[str], bool] | None:
    """Return what recognizes the folder of a service, wherever it is mounted here."""
    tag = gate.config().store_tag if gate else None
    return None if tag is None else lambda folder: folder_tag(folder) == tag


def opened_index(settings: Settings, *, create: bool = True) -> AbstractContextManager[Engine]:
    """Open the index alone; it is closed at the end. Without `create`, it must exist."""
    if not create:
        require_index(settings.index)
    return closing(open_index(settings.index))


def ticket_secrets_of(settings: Settings, index: Engine) -> list[bytes]:
    """Return the secrets that sign tickets: from the settings, or from the index."""
    from onecopy.gate import ticket_secrets

    return [settings.secret.encode()] if settings.secret else ticket_secrets(index)


def tenants_of(settings: Settings, index: Engine, jwt_tenant: str | None) -> Container[str]:
    """Return the names of the tenants that have or had tokens, are in the settings, or sign in.

    `jwt_tenant` is a tenant or `claim:NAME`, as in FunctionSettings. Empty if the default tenant
    is the only one.
    """
    from onecopy.claims import ClaimRule
    from onecopy.tokens import tenants_with_tokens

    known = {*settings.tenants, *tenants_with_tokens(index)}
    return known if jwt_tenant is None else ClaimRule(jwt_tenant).tenants(known)
