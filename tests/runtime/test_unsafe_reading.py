"""No code of ours reads what others wrote in a way that could run it, unfold it to gigabytes, or fetch something."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("restoration_tasks", "plugins", "dags", "docker", "sql", "benchmarks")
MODULES = {"dill", "joblib", "lxml", "marshal", "shelve", "xml.dom", "xml.dom.minidom", "xml.sax"}
"""Not to be imported at all."""
CALLS = {
    "yaml.load", "yaml.full_load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all",
    "yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "pandas.read_pickle", "pd.read_pickle",
    "os.system", "os.popen", "eval", "exec",
}  # fmt: skip
PARSERS = {"fromstring", "parse", "iterparse", "XML", "XMLParser", "XMLPullParser"}
"""Of xml.etree; defusedxml has the same by name. Writing XML is harmless."""
SUSPECT = re.compile(
    r"yaml|pickle|torch\.load|(np|numpy)\.load|xml|extractall|shell *=|\beval\(|\bexec\(|\bos\.(system|popen)"
    r"|\b(dill|joblib|marshal|shelve)\b"
)
"""A module without any of these words is safe without being taken apart, which takes most of the time."""


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def unsafe(source: str) -> list[str]:
    """What is unsafe in a module, with its lines."""
    if not SUSPECT.search(source):
        return []
    tree, found = ast.parse(source), []
    etree = {"xml.etree.ElementTree"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: imports {one.name}" for one in node.names if one.name in MODULES]
            etree |= {one.asname for one in node.names if one.name == "xml.etree.ElementTree" and one.asname}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module in MODULES or module.partition(".")[0] in MODULES:
                found.append(f"{node.lineno}: imports from {module}")
            if module == "xml.etree":
                etree |= {one.asname or one.name for one in node.names}
            if module == "xml.etree.ElementTree":
                found += [f"{node.lineno}: {one.name} of xml.etree" for one in node.names if one.name in PARSERS]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (said := _call(node, etree)):
            found.append(f"{node.lineno}: {said}")
    return found


def _call(node: ast.Call, etree: set[str]) -> str:
    called = dotted(node.func)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    before, _, last = called.rpartition(".")
    if called in CALLS or (before in etree and last in PARSERS):
        return called
    if called == "torch.load" and not _is(given.get("weights_only"), True):
        return "torch.load without weights_only=True"
    if called in ("np.load", "numpy.load") and "allow_pickle" in given and not _is(given["allow_pickle"], False):
        return "np.load with pickles"
    if last == "extractall" and "filter" not in given:
        return "extractall without a filter"
    return "shell=True" if _is(given.get("shell"), True) else ""


def _is(value: ast.expr | None, wanted: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted


def test_nothing_of_ours_is_unsafe() -> None:
    found, read = [], 0
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            found += [f"{name}:{line}" for line in unsafe(path.read_text(encoding="utf-8"))]
            read += 1
    assert read > 100, "the folders are where they were"
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.FullLoader(text)",
        "yaml.unsafe_load(text)",
        "import dill",
        "from joblib import load",
        "pickle.loads(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "import xml.etree.ElementTree as ET\nET.fromstring(text)",
        "from xml.etree import ElementTree\nElementTree.parse(path)",
        "from xml.etree.ElementTree import fromstring",
        "from lxml import etree",
        "archive.extractall(folder)",
        "subprocess.run(text, shell=True)",
        "eval(text)",
    ],
)
def test_what_is_unsafe_is_found(line: str) -> None:
    assert unsafe(line)


def test_what_is_safe_is_not() -> None:
    assert unsafe("network.eval()\ntorch.load(path, weights_only=True)\nyaml.safe_load(text)\nET.Element('a')") == []
