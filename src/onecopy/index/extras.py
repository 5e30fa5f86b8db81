"""Optional packages: the extras of pyproject.toml."""

from collections.abc import Iterator
from contextlib import contextmanager

from onecopy.errors import InvalidSettings


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Raise InvalidSettings, with the extra to install, if an import in the block fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"the package {error.name} is not installed; run: pip install 'onecopy[{name}]'"
        ) from error
