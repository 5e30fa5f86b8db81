"""The template, read as CloudFormation does."""

from functools import cache
from typing import Any

import yaml

from onecopy.aws.deploy.plan import TEMPLATE

Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads `!Sub x` as {"Fn::Sub": "x"}, and so on."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


@cache
def template() -> dict[str, Any]:
    """Return the whole template."""
    whole: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)
    return whole


def resources(kind: str = "") -> dict[str, Resource]:
    """Return the resources of a type, or all, by name."""
    found: dict[str, Resource] = template()["Resources"]
    return {name: each for name, each in found.items() if not kind or each["Type"] == kind}


def one(name: str) -> dict[str, Any]:
    """Return the properties of a resource."""
    properties: dict[str, Any] = template()["Resources"][name]["Properties"]
    return properties


def statements() -> list[dict[str, Any]]:
    """Return all statements of all policies, whatever they depend on."""
    return [
        statement for each in resources().values() for statement in _statements(each["Properties"])
    ]


def _statements(value: object) -> list[dict[str, Any]]:
    """Return what is below `value` and has an effect."""
    if isinstance(value, dict):
        own = [value] if "Effect" in value else []
        return own + [found for each in value.values() for found in _statements(each)]
    if isinstance(value, list):
        return [found for each in value for found in _statements(each)]
    return []
