"""Airflow for tests in one process: a home of its own, and nothing of the user's configuration."""

from __future__ import annotations

import os
import tempfile

# Before anything imports airflow: it reads its home at import.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="reelkeeper-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
