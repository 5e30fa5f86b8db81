"""Configuration of the documentation site; `make docs` builds it with Sphinx, offline."""

import runpy
from pathlib import Path

_VERSION = Path(__file__).parent.parent / "src" / "onecopy" / "version.py"

project = "onecopy"
version = release = runpy.run_path(str(_VERSION))["__version__"]
html_title = f"onecopy {release}"
html_theme = "furo"
html_show_copyright = False
extensions = ["myst_parser"]
myst_heading_anchors = 3  # the anchors that GitHub makes, so that links work in both places
nitpicky = True
exclude_patterns = ["*.py"]
