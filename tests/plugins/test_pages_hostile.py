"""Every address of the Reels pages is sent nonsense: it answers or refuses, and shows nothing outside the vault."""

from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks.soak_fuzz import CHANGE, MARK, damage
from tests.plugins.page_routes import every_route
from tests.plugins.restored_reel import RestoredReel
from tests.plugins.test_pages import WRITE, SignIn, reel, sign_in  # noqa: F401

SECRET = "not for anybody's eyes"
WORDS = (
    "..",
    "%2e%2e%2f",
    "%00",
    "-1",
    "9" * 30,
    "1e999",
    "'; DROP TABLE reels;--",
    "/etc/passwd",
    "ü",
    "{}",
    "",
)
CASES = 150


def test_nonsense_in_addresses_and_bodies_is_answered_or_refused(
    reel: RestoredReel,  # noqa: F811
    sign_in: SignIn,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    client, chance, seen = sign_in("OP"), random.Random(1), set()
    whole = {"sha256": reel.master.sha256, "before": reel.master.sha256, "after": reel.restored.sha256}
    for _ in range(CASES):
        filled = {name: value for name, value in whole.items() if chance.random() < 0.5}
        filled |= {part: _hostile(chance) for part in ("frame", "name", "path:path", "digest", "run_id:path")}
        method, path = chance.choice(every_route(chance.choice([reel.reel_id, _hostile(chance)]), **filled))
        asked = f"{path}?{'&'.join(f'{name}={_hostile(chance)}' for name in ('state', 'order', 'page', 'q', 'plan'))}"
        body = damage(chance.choice([MARK, CHANGE]), chance) if method == "POST" else None
        answer = client.request(method, asked, content=body, headers=WRITE | {"Content-Type": "application/json"})
        assert answer.status_code < 500, (method, asked, body, answer.text[:500])
        assert SECRET not in answer.text
        assert "Traceback" not in answer.text
        seen.add(answer.status_code // 100)
    assert {2, 4} <= seen, "all were refused before anything was read"


def test_sound_bodies_are_read(reel: RestoredReel, sign_in: SignIn) -> None:  # noqa: F811
    """Else the damaged ones above would be refused for what they are, not for their damage."""
    for name, body in {"marks": MARK, "plan": CHANGE}.items():
        path = next(path for method, path in every_route(reel.reel_id) if method == "POST" and path.endswith(name))
        answer = sign_in("OP").post(path, json=json.loads(body), headers=WRITE)
        # what pydantic refuses it lists field by field
        assert answer.status_code < 300 or isinstance(answer.json()["detail"], str), answer.text


def _hostile(chance: random.Random) -> str:
    """A word that no page was written for."""
    return "".join(chance.choice(WORDS) for _ in range(chance.randint(1, 3))).replace("?", "").replace("#", "")
