"""Imports run one way, in the order that CONTRIBUTING.md states."""

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / "src" / "onecopy"


def layers() -> dict[str, int]:
    """Return the line number of each module in CONTRIBUTING's block, counted from the top."""
    text = (_ROOT / "CONTRIBUTING.md").read_text("utf-8")
    block = text.partition("tests/test_layers.py")[2].partition("```text\n")[2].partition("```")[0]
    return {
        name: number
        for number, line in enumerate(block.splitlines())
        for name in line.split("  ")[0].replace(",", " ").split()
    }


LAYERS = layers()


def modules() -> dict[str, Path]:
    """Return the file of every module, by its name without `onecopy.`."""
    found = {}
    for path in _PACKAGE.rglob("*.py"):
        parts = path.relative_to(_PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    # The package itself and `python -m onecopy` only re-export what is below them.
    return {name: path for name, path in found.items() if name not in {"", "__main__"}}


MODULES = modules()


def unit(module: str) -> str | None:
    """Return the longest name in the block that is this module or a package around it."""
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in LAYERS), None)


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of onecopy that a file imports, at its top or within functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            own = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [
                name if name.removeprefix("onecopy.") in MODULES else node.module for name in own
            ]
        else:
            continue
        yield from (name.removeprefix("onecopy.") for name in names if name.startswith("onecopy."))


def test_every_module_has_a_layer() -> None:
    """A new module is added to the block, and a removed one is removed from it."""
    # A package that only holds others (aws) is none.
    code = [name for name, path in MODULES.items() if ast.parse(path.read_text("utf-8")).body[1:]]
    assert not [name for name in code if unit(name) is None]
    assert not [name for name in LAYERS if name not in MODULES]


def test_imports_run_downwards() -> None:
    """A module imports only from lines below its own, or from its own package."""
    upwards = [
        (module, imported)
        for module, path in MODULES.items()
        for imported in imports(path)
        if (own := unit(module)) and (other := unit(imported)) and own != other
        if LAYERS[other] <= LAYERS[own]
    ]
    assert not upwards
