"""Files of the vault over HTTP, for people who are signed in: report, comparison, pictures, copies."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, Response, StreamingResponse

from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import VAULT_SCHEME
from restoration_tasks.runtime.vault import Vault

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


def create_app() -> FastAPI:
    """Build the app. Airflow does not protect it: every route asks for the user itself."""
    app = FastAPI(title="Reelkeeper", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/files/{path:path}")
    def serve(path: str, _user: Annotated[BaseUser, Depends(get_user)]) -> Response:
        return _answer(Vault(Settings().vault_root), path)

    return app


def _answer(vault: Vault, path: str) -> Response:
    absent = HTTPException(404, "There is no such file in the vault.")
    try:
        found = vault.path(VAULT_SCHEME + path)
    except VaultError as error:
        raise absent from error
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if vault.local_root is None:
        if path.partition("/")[0] not in SERVED or not found.is_file():
            raise absent

        def chunks() -> Iterator[bytes]:
            with found.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk

        return StreamingResponse(chunks(), media_type=media_type, headers=HEADERS)
    # Resolved, so that neither a link nor an odd name leads out of the served folders.
    local = Path(str(found)).resolve()
    served = any(local.is_relative_to((vault.local_root / folder).resolve()) for folder in SERVED)
    if not served or not local.is_file():
        raise absent
    return FileResponse(local, media_type=media_type, headers=HEADERS)
