"""Plans as YAML: read strictly, written for people."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import yaml


def loaded(text: str | bytes) -> Any:
    """What YAML of plain values says.

    Raises:
        yaml.YAMLError: it is no YAML, or uses tags, aliases or a name twice.
        RecursionError: it is nested too deeply.
    """
    return yaml.load(text, Loader=_Strict)  # noqa: S506 - _Strict is a SafeLoader


def line_of(text: str | bytes, where: Sequence[str | int]) -> int:
    """The line, from 1, at which a value stands; of what it should stand in, where it is missing.

    Args:
        text: YAML that `loaded` can read.
        where: names and places in lists that lead to the value.
    """
    node, line = yaml.compose(text, Loader=_Strict), 0
    for step in where:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return line + 1


def dumped(value: Any) -> str:
    """A value as YAML for people: names in their order, rows of numbers in a row."""
    return yaml.dump(value, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120)


class _Strict(yaml.SafeLoader):
    """Plain YAML only.

    No tags that make objects, no aliases (a few lines of them unfold to gigabytes), no key twice.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("a plan may not use aliases (*name)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if any(not isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
            raise yaml.YAMLError(f"names must be plain words, each once (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep=deep)


class _Readable(yaml.SafeDumper):
    """Curves on few lines, everything else one entry a line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - never write what we refuse to read
        return True


def _numbers_in_a_row(dumper: _Readable, values: list[Any]) -> yaml.Node:
    flat = bool(values) and all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Readable.add_representer(list, _numbers_in_a_row)
