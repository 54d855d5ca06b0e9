"""Words that people leave in a plan: what they may hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*$")]
"""Words of people: no control characters, which terminals and YAML take for something else."""
