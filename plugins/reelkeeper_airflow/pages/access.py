"""Who may do what on the Reels pages: Airflow's own users and roles, and writes from these pages only."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, HTTPException, Request

DAG = "restore_reel"
"""Rights on the pages are the rights on this DAG."""
WRITE_HEADER = "X-Reelkeeper"
"""Every write must carry it; a page of another site cannot send it without asking first, and is never answered."""

_DETAILS = DagDetails(id=DAG)


def looker(user: Annotated[BaseUser, Depends(get_user)]) -> BaseUser:
    """A signed-in user who may look at the DAG; 401 without one, 403 where the DAG is hidden from them."""
    if not get_auth_manager().is_authorized_dag(method="GET", details=_DETAILS, user=user):
        raise HTTPException(403, "You may not look at restorations. Ask whoever runs Airflow.")
    return user


def drafter(request: Request, user: Annotated[BaseUser, Depends(looker)]) -> BaseUser:
    """A user who may answer questions of the DAG, writing from one of our own pages; 403 for anybody else."""
    require_own_page(request)
    if not may_draft(user):
        raise HTTPException(403, "You may look, but not mark anything. Ask whoever runs Airflow for the role.")
    return user


Looker = Annotated[BaseUser, Depends(looker)]
Drafter = Annotated[BaseUser, Depends(drafter)]


def may_draft(user: BaseUser) -> bool:
    """Whether a user may mark shots and save plans: who may answer Airflow's questions about the DAG."""
    entity = DagAccessEntity.HITL_DETAIL
    return bool(get_auth_manager().is_authorized_dag(method="PUT", access_entity=entity, details=_DETAILS, user=user))


def may_start(user: BaseUser) -> bool:
    """Whether a user may start runs of the DAG; Airflow itself asks again when they do."""
    entity = DagAccessEntity.RUN
    return bool(get_auth_manager().is_authorized_dag(method="POST", access_entity=entity, details=_DETAILS, user=user))


def require_own_page(request: Request) -> None:
    """Refuse a write that another site had the browser send: Airflow knows no CSRF token, and its cookie comes along.

    Three things at once: a header of ours, which a form cannot send and a script of another site only after asking
    (nobody answers that); what the browser says of where the request comes from; and where it does not say, the Origin.
    """
    if request.headers.get(WRITE_HEADER) != "1":
        raise HTTPException(403, f"The header {WRITE_HEADER} is missing: this does not come from a Reels page.")
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise HTTPException(403, "This comes from another site.")
    origin = request.headers.get("Origin")
    if site is None and origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise HTTPException(403, "This comes from another site.")
