"""What a Kubernetes API accepts and selects: label and field selectors, and the checks on a new pod."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping

from tests.fakes.kubernetes_pods import Document

_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_FIELDS = ("metadata.name", "metadata.namespace")


class Refusal(Exception):
    """The API says no: HTTP status, reason and message of its `Status` object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def selects(wanted: Mapping[str, str], labels: Mapping[str, str] | None) -> bool:
    """Whether `labels` hold every wanted pair."""
    return all((labels or {}).get(key) == value for key, value in wanted.items())


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether `labels` satisfy a label selector of the forms `a=b`, `a==b`, `a!=b`, `a` and `!a`, joined by commas.

    As in Kubernetes, `a!=b` is true of labels without `a`. Raises Refusal 400 for the set forms (`a in (b)`).
    """
    return all(_matches_one(term.strip(), labels) for term in selector.split(",") if term.strip())


def _matches_one(term: str, labels: Mapping[str, str]) -> bool:
    if not (found := re.fullmatch(r"(!?)([\w./-]+)(?:(==|=|!=)([\w.-]*))?", term)):
        raise Refusal(400, "BadRequest", f"this API knows no selector of the form {term!r}")
    negated, key, operator, value = found.groups()
    if operator is None:
        return (key in labels) is not bool(negated)
    return (labels.get(key) == value) is (operator != "!=")


def involved(selector: str, event: Document) -> bool:
    """Whether an event satisfies a field selector made of `involvedObject.<field>=<value>` terms."""
    terms = [term.removeprefix("involvedObject.").partition("=") for term in selector.split(",") if term]
    return all(event["involvedObject"].get(key) == value for key, _, value in terms)


def accepted(manifest: Document) -> Document:
    """A copy of a pod's manifest, if a real API would take it and this one can run it; Refusal 422 otherwise."""
    manifest = copy.deepcopy(manifest)
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    problems = [
        f"metadata.labels: Invalid value: {value!r}"
        for value in (metadata.get("labels") or {}).values()
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value)
    ]
    if not (metadata.get("generateName") or _NAME.fullmatch(metadata.get("name") or "")):
        problems.append(f"metadata.name: Invalid value: {metadata.get('name')!r}")
    if len(spec.get("containers") or []) != 1 or spec.get("initContainers"):
        problems.append("spec.containers: this API runs exactly one container a pod")
    for container in spec.get("containers") or []:
        problems += [] if container.get("image") else ["spec.containers[0].image: Required value"]
        problems += ["spec.containers[0].envFrom: this API has no config maps and no secrets"] * bool(
            container.get("envFrom")
        )
        problems += [
            f"spec.containers[0].env[{entry['name']}]: neither a string nor a field this API knows"
            for entry in container.get("env") or []
            if not _has_value(entry)
        ]
    if problems:
        raise Refusal(422, "Invalid", f"Pod {metadata.get('name')!r} is invalid: {'; '.join(problems)}")
    manifest["metadata"] = metadata
    return manifest


def _has_value(entry: Document) -> bool:
    source = entry.get("valueFrom")
    if source is None:
        return isinstance(entry.get("value", ""), str)
    return (source.get("fieldRef") or {}).get("fieldPath") in _FIELDS
