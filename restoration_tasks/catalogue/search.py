"""Search: reels and items by words of their titles, shelf marks, ids and makers, without regard to accents and case."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal_column, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from restoration_tasks.catalogue.models import Reel
from restoration_tasks.catalogue.work_models import Item, Manifestation, Work
from restoration_tasks.provenance.text import storable


@dataclass(frozen=True)
class Found:
    """A reel, or an item of which no reel is known."""

    item: str
    """Its shelf mark; the reel's id where nobody has described it."""
    reel: str | None
    title: str
    year: int | None
    """The first."""
    state: str | None


def holds(words: InstrumentedAttribute[str], query: str) -> ColumnElement[bool]:
    """Whether folded words hold each word of a query, or one that begins with it; not for a query without words."""
    simple: ColumnElement[str] = literal_column("'simple'::regconfig")
    return func.to_tsvector(simple, words).op("@@", is_comparison=True)(func.reelkeeper.sought(storable(query)))


def search(session: Session, query: str, *, limit: int = 50) -> list[Found]:
    """Reels and items that hold every word, by shelf mark and reel; of more than `limit`, any so many.

    Args:
        session: of the catalogue.
        query: words between blanks, each whole or as it begins. Of Chinese and Japanese any part.
        limit: so many at most.
    """
    reels = select(Reel.id.label("reel"), Reel.item_id.label("item")).where(holds(Reel.words, query)).limit(limit)
    alone = (
        select(Reel.id, Item.id)
        .select_from(Item)
        .outerjoin(Reel, Reel.item_id == Item.id)
        .where(holds(Item.words, query), Reel.id.is_(None))
        .limit(limit)
    )
    found = union_all(reels, alone).limit(limit).subquery()
    mark = func.coalesce(Item.identifier, Reel.id)
    rows = session.execute(
        select(mark, Reel.id, func.coalesce(Work.title, Reel.title), Work.year_from, Reel.state)
        .select_from(found)
        .outerjoin(Reel, Reel.id == found.c.reel)
        .outerjoin(Item, Item.id == found.c.item)
        .outerjoin(Manifestation, Manifestation.id == Item.manifestation_id)
        .outerjoin(Work, Work.id == Manifestation.work_id)
        .order_by(mark, Reel.id)
    )
    return [Found(*row) for row in rows]
