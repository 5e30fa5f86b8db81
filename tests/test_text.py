"""Text that terminals show."""

from onecopy.text import printable


def test_printable_leaves_readable_paths() -> None:
    """Paths that may be shown as they are stay so; what turns text around is escaped."""
    assert printable("/a b/é/写真\\x.jpg") == "/a b/é/写真\\x.jpg"
    assert printable("a\u202egpj.exe\u2028b\u00a0c") == "a\\u202egpj.exe\\u2028b\u00a0c"
    assert printable("a\udcff\ud800") == r"a\xff\ud800"
    assert printable("\u200e\u200f\u061c") == r"\u200e\u200f\u061c"
    assert printable(printable("\x1b\n\x7f")) == r"\x1b\n\x7f"
