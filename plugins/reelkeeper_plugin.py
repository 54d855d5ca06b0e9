"""Airflow plugin: the Reels pages, and the files a person looks at before deciding."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from reelkeeper_airflow.pages.app import create_app
from reelkeeper_airflow.pages.links import MOUNT


class ReelkeeperPlugin(AirflowPlugin):
    """What Reelkeeper adds to Airflow's own pages."""

    name = "reelkeeper"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"app": create_app(), "url_prefix": MOUNT, "name": "Reelkeeper"}]
    # Airflow shows these in frames of its own; where one is opened alone, it works as well.
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Reels",
            "href": f"{MOUNT}/reels",
            "destination": "nav",
            "url_route": "reels",
            "category": None,
            "nav_top_level": True,
        },
        {
            "name": "Reel",
            "href": f"{MOUNT}/runs/{{RUN_ID}}/reel?dag={{DAG_ID}}",
            "destination": "dag_run",
            "url_route": "reel",
        },
    ]
