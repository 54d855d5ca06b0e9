"""What the DAG files define, read by a fresh interpreter for each runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NIGHT = "30 19 * * *"
"""When the night begins by the settings of these tests."""


@pytest.fixture(scope="session", params=["local", "kubernetes"])
def parsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Import errors, DAGs, and the heavy modules that parsing loaded; once a runtime."""
    home = tmp_path_factory.mktemp(f"parse-{request.param}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "REELKEEPER"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "REELKEEPER_HOME": str(home / "reelkeeper"),
        "REELKEEPER_RUNTIME": request.param,
        "REELKEEPER_NIGHT_SCHEDULE": NIGHT,
    }
    script = ROOT / "tests/dags/describe_dags.py"
    done = subprocess.run(
        [sys.executable, str(script), str(ROOT / "dags")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"runtime": request.param}
