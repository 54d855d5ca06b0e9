"""The vault's files over HTTP: for people who are signed in, inside the served folder, in ranges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from reelkeeper_airflow.pages.app import create_app
from reelkeeper_airflow.pages.links import file_url

VIDEO = bytes(range(256)) * 8


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vault with a report, a film, a secret beside them, and a link that leads out."""
    folder = tmp_path / "vault" / "reels" / "R1" / "assemble"
    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(VIDEO)
    (folder / "report.html").write_text("<h1>Report</h1>")
    (tmp_path / "vault" / "secret.txt").write_text("no")
    (tmp_path / "passwords.json").write_text("no")
    (folder / "link.json").symlink_to(tmp_path / "passwords.json")
    monkeypatch.setenv("REELKEEPER_VAULT", str(tmp_path / "vault"))
    return tmp_path / "vault"


@pytest.fixture
def signed_in(vault: Path) -> Iterator[TestClient]:
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    create_auth_manager()
    app = create_app()
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="bo", role="VIEWER")
    with TestClient(app) as client:
        yield client


def test_a_file_is_served_with_what_keeps_a_browser_safe(signed_in: TestClient) -> None:
    answer = signed_in.get("/files/reels/R1/assemble/report.html")
    assert (answer.status_code, answer.text) == (200, "<h1>Report</h1>")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "connect-src 'none'" in answer.headers["content-security-policy"]


def test_a_film_can_be_sought_in(signed_in: TestClient) -> None:
    answer = signed_in.get("/files/reels/R1/assemble/film.mp4", headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer.content == VIDEO[100:200]
    assert answer.headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(
    "path",
    [
        "reels/R1/assemble/absent.mp4",
        "reels/R1/assemble",
        "reels/R1/assemble/link.json",
        "secret.txt",
        "reels/../secret.txt",
        "reels/%2e%2e/secret.txt",
        "reels/R1/..%2f..%2fsecret.txt",
        "%2fetc/passwd",
        "/etc/passwd",
        "reels/R1%5c..%5c..%5csecret.txt",
        "reels/R1/assemble/film.mp4%00.html",
        "",
    ],
)
def test_nothing_else_is_served(signed_in: TestClient, path: str) -> None:
    assert signed_in.get(f"/files/{path}").status_code == (400 if "%00" in path else 404)


def test_nobody_gets_nothing(vault: Path) -> None:
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        assert client.get("/files/reels/R1/assemble/report.html").status_code == 401


def test_addresses_are_quoted_and_name_no_host() -> None:
    assert file_url("vault:reels/R 1/a#b.html") == "/reelkeeper/files/reels/R%201/a%23b.html"
