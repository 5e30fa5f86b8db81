"""The contract of a store that can be marked."""
# ruff: noqa: S101 - tests consist of assertions

from onecopy.store.interface import Markable, Store


class MarkableContract:
    """The contract of a store that can also be marked; use it beside the others."""

    def test_remembers_a_mark(self, store: Store) -> None:
        """A mark is there once it is left, may be left again, and is no object."""
        assert isinstance(store, Markable)
        store.identify(create=True)
        assert not store.is_marked("tokens")
        for _ in range(2):
            store.mark("tokens")
            assert store.is_marked("tokens")
        assert not store.is_marked("others")
        assert not list(store.objects())
