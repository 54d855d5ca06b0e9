"""docs/security.md names modules, tests and settings that exist."""

from __future__ import annotations

import re

from reelkeeper_airflow.notify import MAIL_CONNECTION, WEBHOOK_CONNECTION

from restoration_tasks.runtime.settings import Settings
from tests.docker.kubernetes_types import REPOSITORY

TEXT = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
ROOTS = ("", "restoration_tasks/", "plugins/", "plugins/reelkeeper_airflow/", "restoration_tasks/media/delivery/")


def test_what_it_names_is_there() -> None:
    for name in set(re.findall(r"`([\w./-]+\.(?:py|sql)|[\w/]+/)`", TEXT)):
        assert any((REPOSITORY / root / name).exists() for root in ROOTS), name
    for setting in set(re.findall(r"REELKEEPER_([A-Z_]+)", TEXT)):
        assert setting.lower() in Settings.model_fields, setting
    connections = {MAIL_CONNECTION, WEBHOOK_CONNECTION}
    named = set(re.findall(r"`(reelkeeper_(?!airflow)\w+)`", TEXT))
    assert connections <= named
    roles = named - connections
    script = (REPOSITORY / "docker" / "databases.sql").read_text(encoding="utf-8")
    assert roles
    assert all(role in script for role in roles)


def test_a_look_up_without_answers_is_not_called_good() -> None:
    runs = re.findall(r"^\| \d+ \w+ \d{4} \| \d+ parts \| (\d+) of (\d+)\D.* \| (.+) \|$", TEXT, re.MULTILINE)
    assert runs
    assert all("not known" in holes for looked_up, parts, holes in runs if looked_up != parts)
