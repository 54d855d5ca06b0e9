"""Addresses of the vault's files in Airflow's UI; apart from the app, so that tasks need no web framework."""

from __future__ import annotations

from urllib.parse import quote

from restoration_tasks.runtime.spec import VAULT_SCHEME

MOUNT = "/reelkeeper"
"""Where Airflow mounts the app."""


def file_url(uri: str) -> str:
    """Give the address of a `vault:` file, from the root of the Airflow site.

    It names no host, so that it holds behind any reverse proxy that keeps Airflow at the root.
    """
    return f"{MOUNT}/files/{quote(uri.removeprefix(VAULT_SCHEME))}"


def compare_url(reel_id: str) -> str:
    """Give the address of a reel's comparison, from the root of the Airflow site."""
    return f"{MOUNT}/reels/{quote(reel_id, safe='')}/compare"
