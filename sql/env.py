"""Alembic's environment: runs migrations on the connection `catalogue.migrate` hands over."""

from __future__ import annotations

from alembic import context

from restoration_tasks.catalogue import models, queue_models, record_models  # noqa: F401 - make their tables known to the metadata
from restoration_tasks.provenance.base import SCHEMA, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
)

with context.begin_transaction():
    context.run_migrations()
