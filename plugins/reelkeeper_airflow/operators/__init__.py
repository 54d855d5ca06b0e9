"""Operators that run Reelkeeper's steps: `step(...)` makes the one the settings ask for."""

from __future__ import annotations

from reelkeeper_airflow.operators.factory import step

__all__ = ["step"]
