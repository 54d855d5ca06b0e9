"""An object read member by member is what it is read whole, and what is no JSON is refused."""

from __future__ import annotations

import json

import pytest

from restoration_tasks.runtime.long_json import read_object

CONTENTS = (
    {},
    {"files": []},
    {"files": None, "a": {}},
    {"a": [1, [2, {}]], "files": [{"b": [], "files": [1]}, "x]", 2.5, None, True], "files ": '"{'},
)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("indent", [None, 0, 1])
def test_it_is_what_it_is_read_whole(content, indent):
    assert read_object(json.dumps(content, indent=indent), {"files": list}) == content
    assert read_object(f" {json.dumps(content, indent=indent)}\n", {}) == content


def test_items_are_made_one_by_one():
    alive = []

    def take(items):
        return [(item, len(alive)) for item in items if not alive.append(item)]

    assert read_object('{"long": [1, [2], {}], "b": [3]}', {"long": take}) == {
        "long": [(1, 1), ([2], 2), ({}, 3)],
        "b": [3],
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "}",
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{"a":1 "b":2}',
        '{"a":[1,]}',
        '{"a":[1 2]}',
        '{"a":[1}',
        '{"a":[',
        "{1:2}",
        '{"a":1}x',
    ],
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(json.JSONDecodeError):
        read_object(text, {"a": list})
