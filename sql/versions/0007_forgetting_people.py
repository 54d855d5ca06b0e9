"""Forgetting people: the owner alone may take a name away, as that cannot be taken back.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WHERE_IT_EXISTS = """
DO $$
BEGIN
    IF to_regrole('reelkeeper_writer') IS NOT NULL THEN
        {} DELETE ON reelkeeper.agent_names {} reelkeeper_writer;
    END IF;
END
$$;
"""


def upgrade() -> None:
    """Take the right away from workers."""
    op.execute(_WHERE_IT_EXISTS.format("REVOKE", "FROM"))


def downgrade() -> None:
    """Give it back."""
    op.execute(_WHERE_IT_EXISTS.format("GRANT", "TO"))
