"""Which changes of mutation testing are accepted without a test."""

from pkgutil import resolve_name

import pytest

from tests.mutation import argued, is_argued, where


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ('- raise No("not here", key) + raise No("XXnot hereXX", key)', True),
        ('- f"part {at} is missing" + F"PART {AT} IS MISSING"', False),
        ('- f"Part {at} is missing", + f"PART {at} IS MISSING",', True),
        ('- raise No("not here", key) + raise No(None, key)', False),
        ('- raise No("not here", key) + raise No("not here", None)', False),
        ('- state.get("secret") + state.get("XXsecretXX")', False),
        ('- state.get("secret") + state.get("SECRET")', False),
        ("- for a, b in zip(c, d, strict=True): + for a, b in zip(c, d, strict=False):", True),
        ("- for a, b in zip(c, d, strict=True): + for a, b in zip(c, d, ):", True),
        ("- for a, b in zip(c, d, strict=True): + for a, b in zip(c, None, strict=True):", False),
        ("- if size < limit: + if size <= limit:", False),
    ],
)
def test_only_wording_is_accepted_by_pattern(change: str, accepted: bool) -> None:
    """A message in other letters is; a message that is missing, a name or a limit is not."""
    assert is_argued("onecopy.gate.local.LocalGate.check", change) is accepted


def test_a_reason_is_for_one_function() -> None:
    """The same change to another function needs a reason of its own."""
    change = "- payload = text.encode() + payload = None"
    entry = {"where": "onecopy.tickets.read", "changes": [change]}
    assert is_argued("onecopy.tickets.read", change, [entry])
    assert not is_argued("onecopy.tickets.sign", change, [entry])


def test_each_reason_is_for_existing_code() -> None:
    """A reason for a function that has another name now would have no effect."""
    for entry in argued():
        if "where" in entry:
            name = entry["where"].partition("*")[0]
            resolve_name(name if name == entry["where"] else name.rpartition(".")[0])


def test_names_of_mutmut_are_translated() -> None:
    """A reason names a function as Python does."""
    assert where("onecopy.gate.local.xǁLocalGateǁ_begin__mutmut_12") == (
        "onecopy.gate.local.LocalGate._begin"
    )
    assert where("onecopy.store.x__scheme__mutmut_1") == "onecopy.store._scheme"
