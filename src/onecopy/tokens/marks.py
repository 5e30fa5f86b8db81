"""Whether a service needs tokens, and the mark of a store that is served with them."""

from onecopy.errors import InvalidSettings
from onecopy.index.interface import State
from onecopy.store.interface import Markable, Store
from onecopy.tokens.kinds import TOKENS
from onecopy.tokens.records import has_tokens


def requires_tokens(state: State, store: Store) -> bool:
    """Return whether a service needs tokens: it does if there are any.

    Raises InvalidSettings if the store was served with tokens and the index knows nothing of them:
    then it is not the index that had them, and nobody must get in without one.
    """
    if has_tokens(state):
        return True
    is_lost = state.get(TOKENS) is None and isinstance(store, Markable) and store.is_marked(TOKENS)
    if is_lost:
        raise InvalidSettings(
            f"{store.url} was served with tokens, but this index has never had any: name or "
            "restore the index that has them (docs/indexes.md), or create a token with `onecopy "
            f"token create`; to do without tokens, remove .onecopy/{TOKENS}.json from the store"
        )
    return False


def remember_tokens(store: Store) -> None:
    """Leave a mark in the store that it is served with tokens; raises as `Markable.mark` does."""
    if isinstance(store, Markable):
        store.mark(TOKENS)
