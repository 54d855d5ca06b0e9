"""Holds manifests to the types of the Kubernetes client: unknown or misspelt fields and wrong types are problems.

The client's models are made from the API's OpenAPI description; `attribute_map` and `openapi_types` are all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "docker" / "kubernetes"
APIS = {
    "v1": client.CoreV1Api,
    "batch/v1": client.BatchV1Api,
    "networking.k8s.io/v1": client.NetworkingV1Api,
    "rbac.authorization.k8s.io/v1": client.RbacAuthorizationV1Api,
}
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (datetime, str),
    "object": (object,),
}
_GENERIC = re.compile(r"(?:list\[(?P<item>.+)\]|dict[\[(]str, ?(?P<value>.+)[\])])")


@cache
def documents(path: Path) -> list[dict[str, Any]]:
    """Every document of a YAML file. Read once: copy what you change."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Kubernetes object we hand out, with a name for the test; the chart's values are none."""
    for path in sorted(MANIFESTS.glob("*.yaml")):
        for document in documents(path):
            if "kind" in document:
                yield f"{path.name}:{document['kind']}:{document['metadata']['name']}", document


def problems_of(document: Mapping[str, Any]) -> list[str]:
    """What an API server that checks strictly would refuse in a whole object; empty if nothing."""
    api, kind = APIS.get(document.get("apiVersion", "")), document.get("kind", "")
    if api is None:
        return [f"apiVersion: {document.get('apiVersion')!r} is none of {sorted(APIS)}"]
    snake = re.sub(r"(?<=.)(?=[A-Z])", "_", kind).lower()
    if not (hasattr(api, f"create_{snake}") or hasattr(api, f"create_namespaced_{snake}")):
        return [f"kind: {document['apiVersion']} has no {kind!r}"]
    found = problems(document, f"V1{kind}", kind)
    namespaced = hasattr(api, f"create_namespaced_{snake}")
    if namespaced != ("namespace" in document.get("metadata", {})):
        found.append(f"{kind}.metadata.namespace: {'missing' if namespaced else 'this kind has none'}")
    return found


def problems(value: Any, kind: str, where: str) -> list[str]:
    """What does not fit the client's type `kind`."""
    if generic := _GENERIC.fullmatch(kind):
        return _in_generic(value, generic, where)
    if kind in _PLAIN:
        fits = isinstance(value, _PLAIN[kind]) and (kind in ("bool", "object") or not isinstance(value, bool))
        return [] if fits else [f"{where}: {value!r} is no {kind}"]
    model = getattr(client, kind)
    if not isinstance(value, Mapping):
        return [f"{where}: {value!r} is no {kind}"]
    fields = {name: attribute for attribute, name in model.attribute_map.items()}
    found = [f"{where}.{name}: {kind} has no such field" for name in value if name not in fields]
    for name, inner in value.items():
        if name in fields:
            found += problems(inner, model.openapi_types[fields[name]], f"{where}.{name}")
    try:
        # Only the client's own checks are wanted: what must be there, and words out of a list.
        model(**{fields[name]: inner for name, inner in value.items() if name in fields})
    except ValueError as error:
        found.append(f"{where}: {error}")
    return found


def _in_generic(value: Any, generic: re.Match[str], where: str) -> list[str]:
    if (item := generic["item"]) is not None:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [found for index, one in enumerate(value) for found in problems(one, item, f"{where}[{index}]")]
    if not isinstance(value, Mapping):
        return [f"{where}: {value!r} is no mapping"]
    keys = [f"{where}: the key {key!r} is no text" for key in value if not isinstance(key, str)]
    return keys + [found for key, one in value.items() for found in problems(one, generic["value"], f"{where}.{key}")]
