"""Airflow for tests in one process: a home of its own, and nothing of the user's configuration."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Before anything imports airflow: it reads its home at import, and may write there until the process ends.
AIRFLOW_HOME = tempfile.mkdtemp(prefix="reelkeeper-airflow-")
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = AIRFLOW_HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
