"""Airflow plugin: serves the files a person looks at before deciding."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from reelkeeper_airflow.pages.files import create_app
from reelkeeper_airflow.pages.links import MOUNT


class ReelkeeperPlugin(AirflowPlugin):
    """What Reelkeeper adds to Airflow's own pages."""

    name = "reelkeeper"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"app": create_app(), "url_prefix": MOUNT, "name": "Reelkeeper"}]
