"""Descriptions: works, variants, manifestations and items, written by one door, and read as rows of the table."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, exists, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from restoration_tasks.catalogue import cells, reels
from restoration_tasks.catalogue.columns import Level, of_level, values_of
from restoration_tasks.catalogue.models import Reel
from restoration_tasks.catalogue.work_models import (
    Item,
    Manifestation,
    ManifestationKind,
    Variant,
    Work,
    WorkMaker,
    WorkTitle,
)

_LOCK_KEY: Final = 0x64657363
"""Of one who describes at a time: two tables that name the same new film must not both make it."""
_AT_ONCE: Final = 1000
_OF_THE_WORK: Final = of_level(Level.WORK)
_OF_THE_ITEM: Final = of_level(Level.ITEM)


def lock(session: Session) -> None:
    """Let nobody else describe anything until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def rows(session: Session, *, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """The whole catalogue as values by column, in the order of shelf marks and reels.

    Args:
        session: of the catalogue.
        since: only what was described, recorded or restored at this time or later.
    """
    query = (
        "SELECT * FROM reelkeeper.v_catalogue WHERE (CAST(:since AS timestamptz) IS NULL OR changed_at >= :since)"
        " ORDER BY item, reel"
    )
    found = session.execute(text(query), {"since": since}, execution_options={"yield_per": _AT_ONCE})
    return (values_of(dict(row)) for row in found.mappings())


def known(
    session: Session, *, items: Collection[str] = (), reel_ids: Collection[str] = ()
) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Rows of these items and reels as they stand, by shelf mark and reel."""
    found = {}
    for name, wanted in (("item", list(items)), ("reel", list(reel_ids))):
        for start in range(0, len(wanted), _AT_ONCE):
            query = text(f"SELECT * FROM reelkeeper.v_catalogue WHERE {name} = ANY(:wanted)")  # noqa: S608 - our names
            for row in session.execute(query, {"wanted": wanted[start : start + _AT_ONCE]}).mappings():
                found[row["item"], row["reel"]] = values_of(dict(row))
    return found


@dataclass(frozen=True)
class _StandIn:
    """Item, source and film that were made for a reel nobody had described, under its own id."""

    reel_id: str
    item_id: uuid.UUID
    manifestation_id: uuid.UUID
    work_id: uuid.UUID


@dataclass
class Describer:
    """Writes rows; it remembers what it has written, so that a film of many reels is written once."""

    session: Session
    _works: dict[str, uuid.UUID] = field(default_factory=dict)
    _written: set[tuple[str, str]] = field(default_factory=set)

    def write(self, values: Mapping[str, Any], changed: Collection[str]) -> None:
        """Write what a row says.

        Args:
            values: by column; `item` and `work` at least, for a new work its `title`.
            changed: the columns to write; others stay as they are.
        """
        stood_in = self._stood_in(values)
        if stood_in is not None:
            self._rename(stood_in, values)
        work_id = self._work(values, _OF_THE_WORK.intersection(changed))
        item_id = self._item(values, work_id, _OF_THE_ITEM.intersection(changed))
        if values.get("reel"):
            reels.register(self.session, values["reel"])
            self.session.execute(update(Reel).where(Reel.id == values["reel"]).values(item_id=item_id))
        if stood_in is not None:
            self._clear_away(stood_in, item_id, work_id)
        of_the_work = Item.manifestation_id.in_(select(Manifestation.id).where(Manifestation.work_id == work_id))
        touched = of_the_work if _OF_THE_WORK.intersection(changed) else Item.id == item_id
        self.session.execute(update(Item).where(touched).values(words=func.reelkeeper.words_of_item(Item.id)))
        # reels go by the title of their film, those of an item that has moved to another as well
        title = select(Work.title).where(Work.id == work_id).scalar_subquery()
        of_these = Reel.item_id.in_(select(Item.id).where(touched))
        self.session.execute(update(Reel).where(of_these).values(title=title))

    def _stood_in(self, values: Mapping[str, Any]) -> _StandIn | None:
        """What stood in for a reel nobody had described (`ensure_described`), once it goes by a shelf mark."""
        reel_id = values.get("reel")
        if not reel_id or reel_id == values["item"]:
            return None
        told = or_(*(column.is_not(None) for column in (Item.element, Item.gauge, Item.base)), Item.condition != "")
        other = aliased(Reel)
        row = self.session.execute(
            select(Item.id, Item.manifestation_id, Manifestation.work_id)
            .join(Reel, Reel.item_id == Item.id)
            .join(Manifestation, Manifestation.id == Item.manifestation_id)
            .where(
                Item.identifier == reel_id,
                Reel.id == reel_id,
                Manifestation.variant_id.is_(None),
                ~told,
                ~exists().where(other.item_id == Item.id, other.id != reel_id),
            )
        ).one_or_none()
        return None if row is None else _StandIn(reel_id, *row)

    def _rename(self, stood_in: _StandIn, values: Mapping[str, Any]) -> None:
        """Give item and film the names they go by now, so that what was restored of them stays linked."""
        names: tuple[tuple[type[Item | Work], uuid.UUID, str], ...] = (
            (Item, stood_in.item_id, values["item"]),
            (Work, stood_in.work_id, values["work"]),
        )
        for kind, key, new in names:
            if self.session.scalar(select(kind.id).where(kind.identifier == new)) is None:
                own = update(kind).where(kind.id == key, kind.identifier == stood_in.reel_id)
                self.session.execute(own.values(identifier=new))

    def _clear_away(self, stood_in: _StandIn, item_id: uuid.UUID, work_id: uuid.UUID) -> None:
        """Where item or film were known already, leave nothing of what stood in for them but what was restored."""
        if stood_in.item_id != item_id:
            source = Manifestation.id == stood_in.manifestation_id
            self.session.execute(update(Manifestation).where(source).values(work_id=work_id))
        # the database clears away only what is empty and of which nothing was said
        self.session.execute(select(func.reelkeeper.clear_stand_in(stood_in.item_id, stood_in.work_id)))

    def _work(self, values: Mapping[str, Any], changed: Collection[str]) -> uuid.UUID:
        identifier = values["work"]
        work_id = self._works.get(identifier) or self.session.scalar(
            select(Work.id).where(Work.identifier == identifier)
        )
        if work_id is None:
            work_id = uuid.uuid4()
            self.session.execute(insert(Work).values(id=work_id, identifier=identifier, title=values["title"]))
        self._works[identifier] = work_id
        if not changed or ("work", identifier) in self._written:
            return work_id
        self._written.add(("work", identifier))
        columns: dict[str, Any] = {"changed_at": func.now()}
        for name in {"title", "countries", "languages"}.intersection(changed):
            columns[name] = values[name] if name == "title" else list(values[name])
        if "year" in changed:
            columns["year_from"], columns["year_to"] = values["year"] or (None, None)
        self.session.execute(update(Work).where(Work.id == work_id).values(columns))
        if "alternative_titles" in changed:
            self._list(WorkTitle, work_id, [one._asdict() for one in values["alternative_titles"]])
        if "makers" in changed:
            self._list(WorkMaker, work_id, [one._asdict() for one in values["makers"]])
        return work_id

    def _list(self, table: type[WorkTitle | WorkMaker], work_id: uuid.UUID, listed: list[dict[str, Any]]) -> None:
        self.session.execute(delete(table).where(table.work_id == work_id))
        if listed:
            placed = [one | {"work_id": work_id, "position": place} for place, one in enumerate(listed, start=1)]
            self.session.execute(insert(table), placed)

    def _item(self, values: Mapping[str, Any], work_id: uuid.UUID, changed: Collection[str]) -> uuid.UUID:
        identifier = values["item"]
        found = self.session.execute(
            select(Item.id, Item.manifestation_id, Manifestation.work_id)
            .join(Manifestation, Manifestation.id == Item.manifestation_id)
            .where(Item.identifier == identifier)
        ).one_or_none()
        if found is None:
            item_id, manifestation_id = uuid.uuid4(), uuid.uuid4()
            self.session.execute(
                insert(Manifestation).values(id=manifestation_id, work_id=work_id, kind=ManifestationKind.SOURCE)
            )
            self.session.execute(
                insert(Item).values(id=item_id, manifestation_id=manifestation_id, identifier=identifier)
            )
        else:
            item_id, manifestation_id, of_work = found
            if of_work != work_id:
                moved = {"work_id": work_id, "variant_id": None}
                self.session.execute(update(Manifestation).where(Manifestation.id == manifestation_id).values(moved))
        columns = {name: values[name] for name in changed if name != "variant"}
        if columns or "variant" in changed:
            self.session.execute(update(Item).where(Item.id == item_id).values(columns | {"changed_at": func.now()}))
        if "variant" in changed:
            variant_id = None if values["variant"] is None else self._variant(work_id, values["variant"])
            self.session.execute(
                update(Manifestation).where(Manifestation.id == manifestation_id).values(variant_id=variant_id)
            )
        return item_id

    def _variant(self, work_id: uuid.UUID, name: str) -> uuid.UUID:
        known = self.session.scalar(select(Variant.id).where(Variant.work_id == work_id, Variant.name == name))
        if known is None:
            known = uuid.uuid4()
            self.session.execute(insert(Variant).values(id=known, work_id=work_id, name=name))
        return known


def ensure_described(session: Session, reel_id: str) -> uuid.UUID:
    """The manifestation a reel is scanned from; one that nobody has described is described by its id and title.

    Raises:
        UnknownReel: no such reel.
    """
    query = select(Item.manifestation_id).join(Reel, Reel.item_id == Item.id).where(Reel.id == reel_id)
    found = session.scalar(query)
    if found is None:
        lock(session)
        title = cells.harmless(reels.require(session, reel_id).title) or reel_id
        Describer(session).write({"item": reel_id, "reel": reel_id, "work": reel_id, "title": title}, ())
        found = session.scalars(query).one()
    return found


def ensure_restored_version(session: Session, source_id: uuid.UUID) -> uuid.UUID:
    """The manifestation of what is restored from a source, made where it is new."""
    query = select(Manifestation.id).where(Manifestation.source_id == source_id)
    found = session.scalar(query)
    if found is None:
        lock(session)
        found = session.scalar(query)
    if found is None:
        found = uuid.uuid4()
        work_id = session.scalars(select(Manifestation.work_id).where(Manifestation.id == source_id)).one()
        session.execute(
            insert(Manifestation).values(
                id=found, work_id=work_id, kind=ManifestationKind.RESTORED, source_id=source_id
            )
        )
    return found
