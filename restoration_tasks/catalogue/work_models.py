"""Tables of what the archive describes, in the terms of EN 15907 and FIAF: works, variants, manifestations, items."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from restoration_tasks.provenance.base import Base, checked_enum

FIRST_YEAR: Final = 1888
"""The first pictures on film are of 1888 (Le Prince)."""
LAST_YEAR: Final = 2100
MARK_CHARACTERS: Final = 200
"""Of a shelf mark, a work's id or a variant's name at most: they are keys of indexes."""


class TitleKind(StrEnum):
    """What a title beside the preferred one is (EN 15907, TitleType)."""

    ORIGINAL = "original"
    ALTERNATIVE = "alternative"
    TRANSLATED = "translated"
    TRANSCRIBED = "transcribed"
    """In another script: romanised, for example."""
    WORKING = "working"
    OTHER = "other"


class ManifestationKind(StrEnum):
    """How a work is embodied."""

    SOURCE = "source element"
    """The film the archive holds and scans."""
    RESTORED = "restored version"
    """The files made from it; it names the source it was made from."""


class ElementType(StrEnum):
    """What an item is in the way from camera to screen (FIAF Moving Image Cataloguing Manual, D.7.2)."""

    ORIGINAL_NEGATIVE = "original negative"
    DUPLICATE_NEGATIVE = "duplicate negative"
    INTERPOSITIVE = "interpositive"
    INTERNEGATIVE = "internegative"
    MASTER_POSITIVE = "master positive"
    REVERSAL = "reversal original"
    PRINT = "print"
    SEPARATION = "separation"
    SOUND_NEGATIVE = "sound negative"
    SOUND_POSITIVE = "sound positive"
    OTHER = "other"


class FilmGauge(StrEnum):
    """Width of the film."""

    MM_8 = "8 mm"
    SUPER_8 = "Super 8"
    MM_9_5 = "9.5 mm"
    MM_16 = "16 mm"
    SUPER_16 = "Super 16"
    MM_17_5 = "17.5 mm"
    MM_28 = "28 mm"
    MM_35 = "35 mm"
    MM_65 = "65 mm"
    MM_70 = "70 mm"
    OTHER = "other"


class FilmBase(StrEnum):
    """What a film is made of."""

    NITRATE = "nitrate"
    ACETATE = "acetate"
    POLYESTER = "polyester"


class Work(Base):
    """A film as an intellectual creation."""

    __tablename__ = "works"
    __table_args__ = (
        UniqueConstraint("identifier"),
        CheckConstraint(f"length(identifier) BETWEEN 1 AND {MARK_CHARACTERS}", name="identifier"),
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint(
            f"(year_from IS NULL) = (year_to IS NULL) AND year_from >= {FIRST_YEAR} AND year_to <= {LAST_YEAR}"
            " AND year_from <= year_to",
            name="years",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    identifier: Mapped[str]
    """Its id in the archive's catalogue; where it has none, the shelf mark of the item it was first known by."""
    title: Mapped[str]
    """The preferred title."""
    year_from: Mapped[int | None]
    year_to: Mapped[int | None]
    """The same as `year_from` for a single year."""
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default="{}")
    """ISO 3166-1 alpha-2, or alpha-4 of ISO 3166-3 for what is no more, such as SUHH."""
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default="{}")
    """BCP 47; `zxx` where nobody speaks."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When its description was changed last, titles and makers included."""


class WorkTitle(Base):
    """A title of a work beside its preferred one."""

    __tablename__ = "work_titles"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("title <> ''", name="title"),
    )

    work_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Work.id), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    language: Mapped[str | None]
    """BCP 47."""
    kind: Mapped[TitleKind] = mapped_column(checked_enum(TitleKind, "kind"))


class WorkMaker(Base):
    """Who made a work, as its credits say: published names, not those of the archive's users."""

    __tablename__ = "work_makers"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("name <> '' AND role <> ''", name="words"),
    )

    work_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Work.id), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    role: Mapped[str]
    """In the archive's own words: director, production company …"""


class Variant(Base):
    """A version of a work with other content: a dubbed one, a cut one."""

    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("work_id", "name"),
        UniqueConstraint("id", "work_id"),
        CheckConstraint(f"length(name) BETWEEN 1 AND {MARK_CHARACTERS}", name="name"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    work_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Work.id))
    name: Mapped[str]


class Manifestation(Base):
    """A work, or a variant of it, as it is embodied: the source element, or the restored version made from it."""

    __tablename__ = "manifestations"
    __table_args__ = (
        UniqueConstraint("id", "work_id"),
        # one restored version of each source; its reels and runs are `restorations`
        UniqueConstraint("source_id"),
        CheckConstraint("(kind = 'restored version') = (source_id IS NOT NULL)", name="restored_has_a_source"),
        CheckConstraint("kind = 'source element' OR variant_id IS NULL", name="variant_is_the_sources"),
        # a source and what was made from it are of the same work, also when a cataloguer moves it to another
        ForeignKeyConstraint(
            ["source_id", "work_id"],
            ["reelkeeper.manifestations.id", "reelkeeper.manifestations.work_id"],
            onupdate="CASCADE",
        ),
        ForeignKeyConstraint(["variant_id", "work_id"], ["reelkeeper.variants.id", "reelkeeper.variants.work_id"]),
        Index("ix_manifestations_work_id", "work_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    work_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Work.id))
    variant_id: Mapped[uuid.UUID | None]
    kind: Mapped[ManifestationKind] = mapped_column(checked_enum(ManifestationKind, "kind"))
    source_id: Mapped[uuid.UUID | None]
    """The manifestation it was made from."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Item(Base):
    """A physical copy the archive holds; its reels are parts of it. What was read off each lies with the reel."""

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint(f"length(identifier) BETWEEN 1 AND {MARK_CHARACTERS}", name="identifier"),
        Index("ix_items_manifestation_id", "manifestation_id"),
        Index("ix_items_words", text("to_tsvector('simple'::regconfig, words)"), postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    manifestation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Manifestation.id))
    identifier: Mapped[str] = mapped_column(unique=True)
    """Shelf mark or accession number."""
    element: Mapped[ElementType | None] = mapped_column(checked_enum(ElementType, "element"))
    gauge: Mapped[FilmGauge | None] = mapped_column(checked_enum(FilmGauge, "gauge"))
    base: Mapped[FilmBase | None] = mapped_column(checked_enum(FilmBase, "base"))
    condition: Mapped[str] = mapped_column(server_default="")
    """In words, as a cataloguer saw it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    words: Mapped[str] = mapped_column(server_default="")
    """What it is looked for by, folded: shelf mark, titles, makers (`descriptions.Describer` keeps it)."""
