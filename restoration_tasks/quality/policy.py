"""The check policy: versioned thresholds, each with its unit, its reason and its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Threshold(BaseModel):
    """One limit a rule uses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0)
    unit: str
    why: str
    source: str


class Policy(BaseModel):
    """Every limit of the check step, under one version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    thresholds: dict[str, Threshold]

    def limit(self, name: str) -> float:
        """The value of a threshold.

        Raises:
            KeyError: the policy has none of that name.
        """
        return self.thresholds[name].value


@cache
def policy() -> Policy:
    """The policy shipped with this release."""
    return Policy.model_validate(yaml.safe_load(policy_text()))


@cache
def policy_text() -> bytes:
    """Its text, as it stands in the release: the catalogue keeps each version of it."""
    return files("restoration_tasks.quality").joinpath("policy.yaml").read_bytes()
