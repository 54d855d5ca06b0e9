"""Before and after, frame by frame: the page, and the pictures it asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.pages import reel_view
from reelkeeper_airflow.pages.access import Looker, may_draft
from reelkeeper_airflow.pages.files import FOR_EVER, absent, local_file, unchanged
from reelkeeper_airflow.pages.look import page
from reelkeeper_airflow.pages.stills import Stills
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from reelkeeper_airflow.pages.reel_view import ReelView

WIDTHS = (320, 960, 1920)
"""Widths a picture is asked for in, px; in every pixel of the scan if none is named. Few, so that they are reused."""
PICTURES = frozenset({"master", "restoration_master"})
"""Files on record whose frames are shown."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
Width = Annotated[int | None, Query(alias="w")]

router = APIRouter()


@router.get("/reels/{reel_id}/compare")
def show_comparison(reel_id: str, request: Request, user: Looker) -> Response:
    """The comparison of a reel with its restoration."""
    vault = Vault(Settings().vault_root)
    with catalogue().begin() as session:
        found = reel_view.view(session, vault, reel_id)
    drafting = may_draft(user)
    return page(
        request,
        "compare.html.j2",
        user,
        reel=found,
        told=_told(vault, found, user.get_name(), drafting=drafting),
        may_draft=drafting,
    )


def _told(vault: Vault, found: ReelView, login: str, *, drafting: bool) -> dict[str, Any]:
    """What the page's script has to know."""
    checked = found.checked
    changed = reel_view.changed_frames(vault, checked)
    maps = {one.segment: one.sha256 for one in checked.files("map")} if checked else {}
    return {
        "reel": found.status.reel_id,
        "before": found.master.sha256 if found.master else None,
        "after": found.restored.sha256 if found.restored else None,
        "frames": found.scan.frames if found.scan else max((shot.stop for shot in found.shots), default=0),
        "width": found.scan.width if found.scan else 0,
        "height": found.scan.height if found.scan else 0,
        "films": _films(found, changed),
        "planVersion": found.plan_version,
        "mayDraft": drafting,
        "checked": changed is not None,
        "changed": changed or [],
        "segments": [
            {"start": one["start"], "stop": one["stop"], "map": maps[one["id"]]}
            for one in reel_view.segments(vault, found.shots_found)
            if one["id"] in maps
        ],
        "shots": [
            {
                "number": shot.number,
                "start": shot.start,
                "stop": shot.stop,
                "treatments": [{"title": title, "why": why} for title, why in shot.treatments],
                "generative": shot.generative,
                "findings": [one["words"] for one in shot.findings],
                "changed": shot.changed,
            }
            for shot in found.shots
        ],
        "drafts": [
            {
                "shot": one.shot,
                "choice": one.choice.value,
                "note": one.note,
                "by": one.login,
                "mine": one.login == login,
            }
            for one in found.drafts
        ],
    }


def _films(found: ReelView, changed: Sequence[Sequence[int]] | None) -> dict[str, str] | None:
    """Addresses of the films below the reel's files, and their rate; None where the scan has no film.

    Where nothing was changed, the access copy shows the scan as well.
    """
    access = found.assembled.file("access") if found.assembled else None
    scan = found.assembled.file("scan_access") if found.assembled else None
    if scan is None and changed is not None and not changed:
        scan = access
    if access is None or scan is None or found.scan is None:
        return None
    before, after = (f"{one.sha256}/{quote(one.uri.rsplit('/', 1)[-1], safe='')}" for one in (scan, access))
    return {"before": before, "after": after, "fps": found.scan.fps}


@router.get("/reels/{reel_id}/frames/{sha256}/{frame}.png")
def show_frame(reel_id: str, sha256: str, frame: int, request: Request, _user: Looker, width: Width = None) -> Response:
    """One frame of a master of the reel, named by the master's digest."""
    (master,) = _recorded(reel_id, PICTURES, sha256)

    def make() -> bytes:
        from restoration_tasks.report.frame_pictures import frame_png

        return frame_png(master, frame, _width(width))

    return _picture(request, f"frame {sha256} {frame} {width}", make)


@router.get("/reels/{reel_id}/differences/{before}/{after}/{frame}.png")
def show_difference(
    reel_id: str,
    before: str,
    after: str,
    frame: int,
    request: Request,
    _user: Looker,
    width: Width = None,
    gain: Annotated[int, Query()] = 16,
) -> Response:
    """How far two masters of the reel differ in a frame."""
    from restoration_tasks.report.frame_pictures import GAINS, difference_png

    if gain not in GAINS:
        raise HTTPException(422, f"A difference is enlarged {', '.join(map(str, GAINS))} times.")
    one, other = _recorded(reel_id, PICTURES, before, after)
    key = f"difference {before} {after} {frame} {width} {gain}"
    return _picture(request, key, lambda: difference_png(one, other, frame, gain, _width(width)))


@router.get("/reels/{reel_id}/damage/{sha256}/{frame}.png")
def show_damage(
    reel_id: str, sha256: str, frame: int, request: Request, _user: Looker, width: Width = None
) -> Response:
    """What was found in a frame of a segment, named by the digest of its damage map; frames count from its start."""
    (damage,) = _recorded(reel_id, frozenset({"map"}), sha256)

    def make() -> bytes:
        from restoration_tasks.report.frame_pictures import damage_png

        return damage_png(damage, frame, _width(width))

    return _picture(request, f"damage {sha256} {frame} {width}", make)


def _width(asked: int | None) -> int | None:
    if asked is not None and asked not in WIDTHS:
        raise HTTPException(422, f"A picture is {', '.join(map(str, WIDTHS))} pixels wide, or as wide as the scan.")
    return asked


def _recorded(reel_id: str, roles: frozenset[str], *digests: str) -> list[Path]:
    """Files of a reel by their digests; 404 for what the reel has not, or has as something else."""
    from restoration_tasks.catalogue import recorded_files

    vault, found = Vault(Settings().vault_root), []
    with catalogue().begin() as session:
        for digest in digests:
            held = recorded_files.object_of(session, reel_id, digest) if _DIGEST.fullmatch(digest) else None
            if held is None or held.role not in roles:
                raise absent()
            found.append(held)
    return [local_file(vault, held) for held in found]


@lru_cache(maxsize=4)
def _stills(folder: Path) -> Stills:
    return Stills(folder)


def _picture(request: Request, key: str, make: Callable[[], bytes]) -> Response:
    tag = hashlib.sha256(key.encode()).hexdigest()[:32]
    known = unchanged(request, tag)
    if known is not None:
        return known
    folder = Settings().scratch_folder / "stills"
    try:
        content = _stills(folder).get(key, make)
    except WrongUse as error:
        raise HTTPException(404, str(error)) from error
    headers = {"Cache-Control": FOR_EVER, "ETag": f'"{tag}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="image/png", headers=headers)
