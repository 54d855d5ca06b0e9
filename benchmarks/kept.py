"""Results of a long benchmark, kept piece by piece: a run that was broken off goes on, and nothing stale is kept."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from restoration_tasks.runtime.files import write_atomic

ROOT = Path(__file__).parents[1]
Result = dict[str, Any]


class Kept:
    """The results of one benchmark in one JSON file: by part, by key, each with the digest of what made it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self._parts: dict[str, dict[str, Result]] = self._content.setdefault("parts", {})

    def has(self, part: str, key: str, made_by: str) -> bool:
        """Whether this piece was made by just what would make it now."""
        return self._parts.get(part, {}).get(key, {}).get("made_by") == made_by

    def put(self, part: str, key: str, made_by: str, result: Mapping[str, Any]) -> None:
        """Take in one piece; `save` writes it."""
        self._parts.setdefault(part, {})[key] = {"made_by": made_by, **result}

    def part(self, name: str) -> dict[str, Result]:
        """The pieces of one part, by key."""
        return self._parts.get(name, {})

    @property
    def parts(self) -> Mapping[str, Mapping[str, Result]]:
        """All pieces, by part and key."""
        return self._parts

    def keep_only(self, wanted: Mapping[str, Mapping[str, str]]) -> None:
        """Drop pieces that this benchmark no longer makes, or that something else made.

        Args:
            wanted: digest by key by part; parts that are not named stay as they are.
        """
        for name, digests in wanted.items():
            held = self._parts.get(name, {})
            self._parts[name] = {key: one for key, one in held.items() if digests.get(key) == one["made_by"]}

    def save(self, head: Mapping[str, Any] | None = None) -> None:
        """Write the file, whole or not at all; `head` stands before the pieces and replaces an earlier one."""
        if head is not None:
            self._content = {**head, "parts": self._parts}
        write_atomic(self.path, "\n".join(_lines(self._content)).encode() + b"\n")


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    """The JSON text: the head indented, one piece a line."""
    head = {name: value for name, value in content.items() if name != "parts"}
    text = json.dumps(head, indent=1, ensure_ascii=False)
    yield text[:-2] + "," if head else "{"
    yield ' "parts": {'
    parts = content["parts"]
    for number, (name, pieces) in enumerate(sorted(parts.items()), 1):
        yield f"  {json.dumps(name)}: {{"
        for place, (key, piece) in enumerate(sorted(pieces.items()), 1):
            comma = "," if place < len(pieces) else ""
            yield f"   {json.dumps(key)}: {json.dumps(piece, ensure_ascii=False)}{comma}"
        yield "  }" + ("," if number < len(parts) else "")
    yield " }"
    yield "}"


def digest(*parts: object) -> str:
    """A short digest of texts, bytes and JSON values."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode())
        whole.update(b"\0")
    return whole.hexdigest()[:16]


@cache
def source_digest(*names: str) -> str:
    """Digest of what source files do: comments, docstrings and layout do not count.

    Args:
        names: files or folders of Python files, from the root of the repository.
    """
    paths = [path for name in names for path in sorted(_python_files(ROOT / name))]
    return digest(*(ast.dump(_without_docstrings(ast.parse(path.read_bytes()))) for path in paths))


@cache
def imported(*names: str, within: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Source files and what they import of one folder, at the top or inside functions, and what that imports.

    Args:
        names: files, from the root of the repository.
        within: the folder of a package; what lies elsewhere is not followed.
        without: modules of it that have no say in what is measured, and are left out with what they import.
    """
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for node in ast.walk(ast.parse((ROOT / name).read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                path = f"{node.module.replace('.', '/')}.py"
                if path.startswith(f"{within}/") and Path(path).stem not in without and (ROOT / path).is_file():
                    waiting.append(path)
    return tuple(sorted(found))


def _python_files(path: Path) -> Iterator[Path]:
    yield from path.rglob("*.py") if path.is_dir() else [path]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A docstring, or one under an attribute: an expression that is a string does nothing.
            node.body = [one for one in node.body if not _is_text(one)] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def file_digest(name: str) -> str:
    """Digest of a file's bytes, from the root of the repository."""
    return digest((ROOT / name).read_bytes())
