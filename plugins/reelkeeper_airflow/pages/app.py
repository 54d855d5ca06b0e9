"""The app behind the Reels pages, as Airflow mounts it."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from reelkeeper_airflow.pages import board, compare, files, look, marks, plan_editor, reel
from reelkeeper_airflow.pages.access import looker
from restoration_tasks.runtime.errors import DatabaseError, ReelkeeperError, WrongUse


def create_app() -> FastAPI:
    """Build the app. Airflow does not protect it: every route asks for the user itself (`access`)."""
    text_only = [Depends(_require_text)]
    app = FastAPI(title="Reelkeeper", docs_url=None, redoc_url=None, openapi_url=None, dependencies=text_only)
    for part in (look, files, board, compare, marks, plan_editor, reel):
        app.include_router(part.router)

    @app.get("/")
    def start(request: Request, _user: Annotated[BaseUser, Depends(looker)]) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/reels")

    app.add_exception_handler(ReelkeeperError, _say_ours)
    app.add_exception_handler(HTTPException, _say)
    return app


def _require_text(request: Request) -> None:
    """Refuse an address with a NUL in it: no name of ours has one, and the database takes none."""
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise HTTPException(400, "An address cannot hold this character.")


def _say_ours(request: Request, error: Exception) -> Response:
    """Our errors are one line that says what to do next: staff read that line, and no traceback."""
    from restoration_tasks.catalogue.errors import UnknownPlan, UnknownReel

    if isinstance(error, UnknownReel | UnknownPlan):
        status = 404
    elif isinstance(error, DatabaseError):
        status = 503
    else:
        status = 422 if isinstance(error, WrongUse) else 409
    return _say(request, HTTPException(status, str(error)))


def _say(request: Request, error: Exception) -> Response:
    """Say what is wrong: as a page to a person, as JSON to a script."""
    wrong = error if isinstance(error, HTTPException) else HTTPException(500, "Something went wrong.")
    if "text/html" in request.headers.get("Accept", ""):
        return look.page(request, "error.html.j2", None, code=wrong.status_code, said=wrong.detail)
    headers = {**(wrong.headers or {}), "Cache-Control": "no-store"}
    return JSONResponse({"detail": wrong.detail}, wrong.status_code, headers=headers)
