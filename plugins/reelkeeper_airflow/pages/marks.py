"""What people mark shot by shot while they look: drafts, which their decision in Airflow then names."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.pages import reel_view
from reelkeeper_airflow.pages.access import Drafter
from restoration_tasks.catalogue.drafts import NOTE_CHARACTERS
from restoration_tasks.catalogue.models import DraftChoice

router = APIRouter()


class Mark(BaseModel):
    """One person's mark on one shot, as the page sends it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan_version: int = Field(ge=1, le=2**31 - 1)
    shot: int = Field(ge=1, le=2**31 - 1)
    choice: DraftChoice
    note: str = Field(default="", max_length=NOTE_CHARACTERS)


class Marked(BaseModel):
    """What is kept now of one person's marks on a plan version."""

    marked: int
    """Shots they have marked."""
    of: int
    """Shots the plan has."""


@router.post("/reels/{reel_id}/marks")
def save_mark(reel_id: str, mark: Mark, user: Drafter) -> Marked:
    """Keep a mark. It decides nothing: the answer in Airflow does, and takes the marks of whoever answers along."""
    from restoration_tasks.catalogue import drafts, plans
    from restoration_tasks.provenance.agents import Person

    login = user.get_name()
    with catalogue().begin() as session:
        plan = reel_view.parsed_plan(plans.get(session, reel_id, mark.plan_version).yaml)
        if mark.shot not in {shot.shot for shot in plan.shots}:
            raise HTTPException(
                422, f"Plan version {mark.plan_version} has no shot {mark.shot}. Next: load the page again."
            )
        drafts.save(
            session,
            reel_id,
            mark.plan_version,
            mark.shot,
            choice=mark.choice,
            note=mark.note,
            person=Person(login),
        )
        kept = drafts.of_person(session, reel_id, mark.plan_version, login)
    return Marked(marked=len(kept), of=len(plan.shots))
