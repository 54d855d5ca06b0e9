"""Plans as YAML: read strictly, written for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml


def loaded(text: str | bytes) -> Any:
    """What YAML of plain values says; None where it says nothing.

    No tags that make objects, no aliases (a few lines of them unfold to gigabytes), no name twice. Values are made of
    the parser's events as they come: the tree of nodes that PyYAML makes first takes fifty times the text.

    Raises:
        yaml.YAMLError: it is no YAML, or uses tags, aliases or a name twice, or is several documents.
        RecursionError: it is nested too deeply.
    """
    parser: Any = yaml.SafeLoader(text)
    try:
        parser.get_event()  # the stream begins
        value = None
        if not parser.check_event(yaml.StreamEndEvent):
            parser.get_event()  # a document begins
            value = _value(parser)
            parser.get_event()
        if not parser.check_event(yaml.StreamEndEvent):
            raise yaml.YAMLError(f"one document, not several (line {parser.peek_event().start_mark.line + 1})")
        return value
    finally:
        parser.dispose()


def line_of(text: str | bytes, where: Sequence[str | int]) -> int:
    """The line, from 1, at which a value stands; of what it should stand in, where it is missing.

    Args:
        text: YAML that `loaded` can read.
        where: names and places in lists that lead to the value.
    """
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 0
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


def _value(parser: Any) -> Any:
    event = parser.get_event()
    if isinstance(event, yaml.AliasEvent):
        raise yaml.YAMLError("a plan may not use aliases (*name)")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(parser, event)
    line = event.start_mark.line + 1
    if event.tag is not None:
        raise yaml.YAMLError(f"a plan may not use tags ({event.tag}, line {line})")
    return _list(parser) if isinstance(event, yaml.SequenceStartEvent) else _mapping(parser, line)


def _list(parser: Any) -> list[Any]:
    found = []
    while not parser.check_event(yaml.SequenceEndEvent):
        found.append(_value(parser))
    parser.get_event()
    return found


def _mapping(parser: Any, line: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not parser.check_event(yaml.MappingEndEvent):
        name = _value(parser)
        if not isinstance(name, str) or name in found:
            raise yaml.YAMLError(f"names must be plain words, each once (line {line})")
        found[name] = _value(parser)
    parser.get_event()
    return found


def _scalar(parser: Any, event: Any) -> Any:
    tag = event.tag
    if tag is None or tag == "!":
        tag = parser.resolve(yaml.ScalarNode, event.value, event.implicit)
    value = parser.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
    parser.constructed_objects.clear()  # it would keep every value for the aliases
    return value


class _Readable(yaml.SafeDumper):
    """Curves on few lines, everything else one entry a line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - never write what we refuse to read
        return True


def _numbers_in_a_row(dumper: _Readable, values: list[Any]) -> yaml.Node:
    flat = bool(values) and all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Readable.add_representer(list, _numbers_in_a_row)
