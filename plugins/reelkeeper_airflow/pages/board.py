"""The board: every reel of the archive, by state, urgency and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.pages.access import DAG, Looker, may_start
from reelkeeper_airflow.pages.look import STATES, page

if TYPE_CHECKING:
    from restoration_tasks.catalogue.board import BoardQuery

ORDERS = {
    "changed": "what changed last",
    "urgency": "the most urgent",
    "reel": "reel id",
    "title": "title",
}
"""Orders of the board as staff say them."""
WORDS_LONGEST = 200

router = APIRouter()


@router.get("/reels")
def show_board(
    request: Request,
    user: Looker,
    state: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=WORDS_LONGEST)] = "",
    sort: Annotated[str, Query(max_length=20)] = "changed",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """A page of the board. A state or an order nobody knows is passed over: the address may be an old one."""
    from restoration_tasks.catalogue.board import BoardQuery, Order, board
    from restoration_tasks.catalogue.models import ReelState

    query = BoardQuery(
        states=frozenset({ReelState(state)} if state in STATES else ()),
        words=q.replace("\0", ""),
        order=Order(sort) if sort in ORDERS else Order.CHANGED,
        page=number,
    )
    with catalogue().begin() as session:
        found = board(session, query)
    return page(
        request,
        "board.html.j2",
        user,
        board=found,
        query=query,
        state=state if state in STATES else "",
        orders=ORDERS,
        total=sum(found.counts.values()),
        here=min(query.page, found.pages),
        address=lambda **changes: _address(query, state, **changes),
        may_start=may_start(user),
    )


@router.get("/runs/{run_id:path}/reel")
def reel_of_run(run_id: str, request: Request, _user: Looker, dag: str = DAG) -> Response:
    """The reel a run of Airflow works on: where the tab of a run leads."""
    from restoration_tasks.catalogue.recorded_files import reel_of_run as find

    with catalogue().begin() as session:
        found = find(session, run_id) if dag == DAG else None
    if found is None:
        raise HTTPException(404, "This run works on no reel, or has recorded nothing yet.")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/reels/{found}")


def _address(query: BoardQuery, state: str, /, **changes: str | int) -> str:
    """The query of the board's address with some of it changed; a change of anything but the page begins at page 1."""
    asked = {"state": state, "q": query.words, "sort": query.order.value, "page": query.page}
    asked |= {"page": 1} | changes
    return "?" + urlencode({name: value for name, value in asked.items() if value not in {"", 1}})
