"""docs/kubernetes.md: a line for each ending of a pod, commands and names that exist."""

from __future__ import annotations

import json
import re

import pytest
from reelkeeper_airflow.operators.cluster import API_PATIENCE_S
from reelkeeper_airflow.operators.ending import Cause, Ending, failure
from reelkeeper_airflow.operators.pod import QUOTA_PAUSE
from reelkeeper_airflow.operators.pod_template import LOG_EVERY_S, LONGEST, ON_GPU, SHARED_MEMORY, USER

from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.batching import MOST_LANES, MOST_START_SHARE
from tests.docker.kubernetes_types import MANIFESTS, REPOSITORY

TEXT = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")
ROWS = {
    row[0].strip(" `"): [cell.strip() for cell in row[1:]]
    for row in (line.strip("|\n").split("|") for line in TEXT.splitlines() if re.match(r"\| `[a-z ]+` \|", line))
    if len(row) == 5
}


def test_each_ending_has_a_line() -> None:
    assert set(ROWS) == {cause.value for cause in Cause}


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.name)
def test_the_line_says_whether_it_is_tried_again(cause: Cause) -> None:
    again = failure(Ending(cause), "restore", "REEL", 6, "").retry_helps
    assert ROWS[cause.value][2].partition(",")[0] == ("yes" if again else "no")


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.name)
def test_the_line_says_what_staff_read(cause: Cause) -> None:
    """Up to where the cluster's own words come in."""
    words = re.split(r" ?[(…:]", ROWS[cause.value][1].rpartition("else: ")[2])[0]
    said = str(failure(Ending(cause, code=3), "restore", "REEL", 6, "x"))
    assert words
    assert f"the pod of restore {words}" in said


def test_settings_and_files_it_names_exist() -> None:
    for name in set(re.findall(r"\bREELKEEPER_([A-Z_]+)", TEXT)):
        assert name.lower() in Settings.model_fields, name
    for name in set(re.findall(r"`([\w-]+\.yaml)`", TEXT)):
        assert (MANIFESTS / name).is_file(), name
    for path in set(re.findall(r"`?((?:docker|tests)/[\w/.-]+)", TEXT)):
        assert (REPOSITORY / path).exists(), path
    for path in MANIFESTS.glob("*.yaml"):
        assert path.name in TEXT, f"{path.name} is in no step of the runbook"


def test_figures_are_the_codes() -> None:
    assert API_PATIENCE_S == 600
    assert "ask again for ten minutes" in TEXT
    assert QUOTA_PAUSE.total_seconds() == 60
    assert "asks again each minute" in TEXT
    assert f"every {LOG_EVERY_S} seconds" in TEXT
    assert f"({LONGEST.total_seconds() / 3600:.0f} hours)" in TEXT
    assert f"({SHARED_MEMORY.removesuffix('Gi')} GiB)" in TEXT
    assert f"user and group {USER}" in TEXT
    start_s = Settings(home=REPOSITORY, runtime="kubernetes").lane_start_s
    assert f"at most {MOST_START_SHARE:.0%}".replace("%", " %") in TEXT
    assert f"reckoned with {start_s:.0f} s" in TEXT
    assert f"more than {MOST_LANES} pods" in TEXT
    named = re.search(r"(\*shots\*.*)\n? +use a GPU", TEXT)
    assert named is not None
    assert set(re.findall(r"\*(\w+)\*", named[1])) == {step.value for step in ON_GPU}


def test_what_to_order_is_what_the_cost_model_found() -> None:
    kept = json.loads((REPOSITORY / "docs/benchmarks/cost.json").read_text())
    reel = kept["reel"]["2K"]
    assert f"about {reel['gpu_hours']:.1f} hours of a GPU" in TEXT
    assert f"at most {reel['core_hours']:.0f} core-hours" in TEXT
    (years,) = {fleet["years"] for fleet in kept["fleets"] if fleet["gpus"] == 10}
    assert round(years) == 2
    assert "ten GPUs busy for two years" in TEXT
