"""Declarative base of every table: one schema, named constraints, text that is known to fit the database."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import DateTime, Enum, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine, UserDefinedType

from restoration_tasks.runtime.spec import canonical_json

SCHEMA = "reelkeeper"


class Base(DeclarativeBase):
    """Base of the catalogue's and the provenance's models. Constraints have names, so that migrations can drop them."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any]]] = {
        str: Text(),
        datetime: DateTime(timezone=True),
        uuid.UUID: Uuid(),
    }


def checked_enum(kind: type[StrEnum], name: str) -> Enum:
    """A text column holding an enum's values, kept honest by a named check.

    Text with a check rather than a Postgres enum type: a later migration can add a term inside a transaction and
    take one away again.
    """
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        validate_strings=True,
        values_callable=lambda members: [member.value for member in members],
    )


class CanonicalJson(UserDefinedType[dict[str, Any]]):
    """A JSON object stored as the very text `runtime.spec.canonical_json` writes.

    The column is `json`, not `jsonb`: Postgres keeps the text as it was given, so that the hash chain is computed
    from what staff read and 1.0 does not turn into 1.
    """

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The column's type in DDL."""
        return "JSON"

    def bind_processor(self, dialect: object) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Python dict to canonical text."""
        return lambda value: None if value is None else canonical_json(value).decode()

    @property
    def python_type(self) -> type[dict[str, Any]]:
        """What a row gives back (psycopg2 parses `json` columns by itself)."""
        return dict
