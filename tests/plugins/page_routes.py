"""Every route of the Reels pages, so that a new one cannot be forgotten where all are asked for something."""

from __future__ import annotations

import re

from reelkeeper_airflow.pages.app import create_app
from reelkeeper_airflow.pages.links import MOUNT


def every_route(reel_id: str, **filled: str) -> list[tuple[str, str]]:
    """Each route of the app once, as method and path from the root of the Airflow site.

    Args:
        reel_id: put in wherever a route names a reel.
        filled: other parts of paths by their names in the routes; digests of nothing, and the like, where not given.
    """
    digest = "0" * 64
    parts = {
        "reel_id": reel_id, "sha256": digest, "before": digest, "after": digest, "name": "master.mkv", "frame": "2",
        "digest": "0" * 16, "path:path": "reels/x", "run_id:path": "x", **filled,
    }  # fmt: skip
    routes = []
    for route in create_app().routes:
        path = re.sub(r"{([^}]+)}", lambda match: parts[match[1]], route.path)
        routes += [(method, MOUNT + path) for method in route.methods]
    return routes
