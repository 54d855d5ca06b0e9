"""Files of the vault over HTTP, for people who are signed in: by their place, and by the digest on record."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from reelkeeper_airflow.pages.access import Looker
from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import VAULT_SCHEME
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from restoration_tasks.catalogue.recorded_files import HeldFile

SERVED = ("reels", "nights")
"""The folders of the vault that are served."""
CHUNK_BYTES = 1024 * 1024
HEADERS = {
    # A report is a page of ours that quotes other people's words: it may draw, but neither call the API nor send forms.
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline'; connect-src 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Payloads never change, but a signature's newest result may: ask again, 304 costs nothing.
    "Cache-Control": "private, no-cache",
}
FOR_EVER = "private, max-age=31536000, immutable"
"""Of an address that holds the digest of what it gives: other bytes have another address."""

router = APIRouter()


@router.get("/files/{path:path}")
def serve(path: str, _user: Looker) -> Response:
    """A file by its place in the vault."""
    return _answer(Vault(Settings().vault_root), path, HEADERS)


@router.get("/reels/{reel_id}/files/{sha256}/{name}")
def serve_recorded(reel_id: str, sha256: str, name: str, request: Request, _user: Looker) -> Response:
    """A file of a reel by its digest on record; `name` is for people, and for the browser's own saving."""
    from reelkeeper_airflow.journal import catalogue
    from restoration_tasks.catalogue import recorded_files

    with catalogue().begin() as session:
        held = recorded_files.object_of(session, reel_id, sha256)
    if held is None or not held.uri.endswith(f"/{name}"):
        raise absent()
    known = unchanged(request, sha256)
    if known is not None:
        return known
    headers = {**HEADERS, "Cache-Control": FOR_EVER, "ETag": f'"{sha256}"'}
    return _answer(Vault(Settings().vault_root), held.uri.removeprefix(VAULT_SCHEME), headers)


def absent() -> HTTPException:
    """The one answer to everything that is not there or may not be seen."""
    return HTTPException(404, "There is no such file in the vault.")


def unchanged(request: Request, tag: str) -> Response | None:
    """304 where the browser has what the tag names, else None."""
    if f'"{tag}"' not in request.headers.get("If-None-Match", ""):
        return None
    return Response(status_code=304, headers={"ETag": f'"{tag}"', "Cache-Control": FOR_EVER})


def local_file(vault: Vault, held: HeldFile) -> Path:
    """Where a recorded file lies on this machine.

    Raises:
        HTTPException: it is not there (any more), has another size than recorded, or the vault is elsewhere.
    """
    if vault.local_root is None:
        raise HTTPException(501, "Pictures are made only where the vault is a folder of this machine.")
    path = _inside(vault, held.uri.removeprefix(VAULT_SCHEME))
    if path.stat().st_size != held.bytes:
        raise HTTPException(409, "This file has another size than recorded. Next: tell the platform engineer.")
    return path


def _answer(vault: Vault, path: str, headers: Mapping[str, str]) -> Response:
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if vault.local_root is not None:
        return FileResponse(_inside(vault, path), media_type=media_type, headers=dict(headers))
    try:
        found = vault.path(VAULT_SCHEME + path)
    except VaultError as error:
        raise absent() from error
    if path.partition("/")[0] not in SERVED or not found.is_file():
        raise absent()

    def chunks() -> Iterator[bytes]:
        with found.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    return StreamingResponse(chunks(), media_type=media_type, headers=dict(headers))


def _inside(vault: Vault, path: str) -> Path:
    """A file of the served folders of a local vault, resolved: neither a link nor an odd name leads out of them."""
    try:
        found = vault.path(VAULT_SCHEME + path)
    except VaultError as error:
        raise absent() from error
    local = Path(str(found)).resolve()
    if vault.local_root is None or not local.is_file():
        raise absent()
    if not any(local.is_relative_to((vault.local_root / folder).resolve()) for folder in SERVED):
        raise absent()
    return local
