"""Digests kept as bytes are the texts they were made of."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from restoration_tasks.media.digests import PackedDigests

TEXTS = tuple(hashlib.md5(bytes([number])).hexdigest() for number in range(5))
MANY = 5000


def test_they_read_as_the_texts_they_were_made_of():
    digests = PackedDigests(TEXTS)
    assert (len(digests), list(digests), digests[0], digests[-1]) == (5, list(TEXTS), TEXTS[0], TEXTS[-1])
    assert digests == TEXTS
    assert digests == PackedDigests(TEXTS)
    assert digests[1:3] == TEXTS[1:3]
    assert digests != TEXTS[:4]
    assert digests != (*TEXTS[:4], TEXTS[0])
    assert len(PackedDigests()) == len(list(PackedDigests())) == 0
    for place in (5, -6):
        with pytest.raises(IndexError):
            digests[place]


@pytest.mark.parametrize("wrong", ["", "xy", "0" * 64, "0" * 31])
def test_what_is_no_digest_of_the_same_kind_is_refused(wrong):
    digests = PackedDigests(TEXTS)
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of the two says it
        digests.append(wrong)
    assert digests == TEXTS


def test_they_take_little_more_than_their_bytes():
    tracemalloc.start()
    try:
        kept = PackedDigests(f"{number:032x}" for number in range(MANY))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) == MANY
    assert held < 24 * MANY
