"""A channel of dirt is believed only where it shows dirt and not the picture, and then finds what the picture hides."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.infrared import Sample, infrared_confidence, judge, surround_level
from restoration_tasks.media.delivery.polarity import Polarity
from tests.assessment.channels import HEIGHT, WIDTH, dirt, dirty, infrared, matte, picture

CLEAN = np.zeros((HEIGHT, WIDTH), np.float32)


def samples(channel, count=4, specks=12):
    """Frames of a moving camera, each with dirt of its own."""
    made = []
    for number in range(count):
        scene = picture(1, shift=3 * number)
        blocked = dirt(number, specks=specks)
        made.append(Sample(channel(scene, blocked, number), dirty(scene, blocked)))
    return made


def of_dyes(scene, blocked, number):
    return infrared(scene, blocked, seed=number)


def of_silver(scene, blocked, number):
    return infrared(scene, blocked, silver=0.7, seed=number)


def drawn(_scene, blocked, _number):
    return matte(blocked)


def pieces_hit(found, blocked):
    count, labels = cv2.connectedComponents((blocked > 0.2).astype(np.uint8))
    return len(set(np.unique(labels[found])) - {0}), count - 1


# -- whether it is believed


@pytest.mark.parametrize(
    ("channel", "polarity"),
    [
        (of_dyes, Polarity.TRANSMISSION),
        (drawn, Polarity.MATTE),
        (lambda s, b, n: 1 - drawn(s, b, n), Polarity.TRANSMISSION),
        (lambda s, b, n: infrared(s, b, level=0.15, seed=n), Polarity.TRANSMISSION),
    ],
)
def test_polarity_is_measured_and_said_to_be(channel, polarity):
    found = judge(samples(channel))
    assert (found.polarity, found.doubtful) == (polarity, True)
    assert "measured" in found.why


@pytest.mark.parametrize("channel", [of_dyes, drawn])
def test_a_stated_polarity_needs_no_warning_and_must_not_contradict(channel):
    right = Polarity.TRANSMISSION if channel is of_dyes else Polarity.MATTE
    (wrong,) = set(Polarity) - {right}
    assert judge(samples(channel), right) == judge(samples(channel), right)
    assert (judge(samples(channel), right).polarity, judge(samples(channel), right).doubtful) == (right, False)
    refused = judge(samples(channel), wrong)
    assert (refused.polarity, refused.doubtful) == (None, True)
    assert f"said to be a {wrong} and looks like a {right}" in refused.why


def test_where_there_is_no_dirt_a_stated_polarity_will_do_and_nothing_can_be_measured():
    clean = [Sample(infrared(picture(1), CLEAN), dirty(picture(1), CLEAN))]
    assert judge(clean, Polarity.TRANSMISSION).polarity is Polarity.TRANSMISSION
    found = judge(clean)
    assert (found.polarity, found.doubtful, found.open) == (None, False, True)
    opaque = [Sample(np.ones_like(CLEAN), dirty(picture(1), CLEAN))]
    assert (judge(opaque).why, judge(opaque).doubtful) == ("nothing stands out in it", False)


@pytest.mark.parametrize("said", [None, *Polarity])
@pytest.mark.parametrize("contrast", [0.3, 0.7, 1.0])
def test_silver_shows_the_picture_and_is_refused(said, contrast):
    found = judge(samples(lambda s, b, n: infrared(s, b, silver=contrast, seed=n)), said)
    assert (found.polarity, found.doubtful) == (None, True)
    assert "shows the picture itself" in found.why


@pytest.mark.parametrize("leak", [0.0, 0.03])
@pytest.mark.parametrize("specks", [3, 12, 60])
def test_dyes_that_let_a_little_of_the_picture_through_are_believed(leak, specks):
    found = judge(samples(lambda s, b, n: infrared(s, b, leak=leak, seed=n), specks=specks), Polarity.TRANSMISSION)
    assert found.polarity is Polarity.TRANSMISSION


def test_a_channel_that_says_both_is_left_alone():
    def both(_scene, blocked, number):
        return 0.5 - 0.4 * blocked + 0.4 * dirt(100 + number)

    found = judge(samples(both))
    assert (found.polarity, found.doubtful, found.open) == (None, True, True)
    assert "neither stated nor clear" in found.why


def test_a_matte_of_what_is_in_the_picture_is_no_dirt():
    def windows(_scene, _blocked, number):
        drawn = np.zeros((HEIGHT, WIDTH), np.float32)
        for row, column in np.ndindex(9, 15):
            drawn[20 * row : 20 * row + 9, 20 * column + number : 20 * column + number + 8] = 1
        return drawn

    found = judge(samples(windows), Polarity.MATTE)
    assert (found.polarity, found.doubtful) == (None, True)
    assert "cannot all be dirt" in found.why


def test_a_matte_of_the_frame_itself_marks_nothing():
    drawn = np.zeros((HEIGHT, WIDTH), np.float32)
    drawn[20:160, 30:290] = 1
    for polarity in Polarity:
        assert not infrared_confidence(drawn, polarity).any()


# -- what it finds


@pytest.mark.parametrize(
    ("channel", "polarity"), [(of_dyes, Polarity.TRANSMISSION), (drawn, Polarity.MATTE)], ids=["infrared", "matte"]
)
def test_specks_and_hairs_are_found_and_little_else(channel, polarity):
    scene, blocked = picture(2), dirt(5)
    found = infrared_confidence(channel(scene, blocked, 9), polarity) >= 128
    hit, there = pieces_hit(found, blocked)
    assert hit == there
    assert np.mean(found[blocked > 0.2]) > 0.98
    near = cv2.dilate((blocked > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert not (found & ~near).any()


@pytest.mark.parametrize("leak", [0.0, 0.03])
def test_clean_film_gives_an_empty_map(leak):
    for seed in range(5):
        channel = infrared(picture(seed), CLEAN, leak=leak, seed=seed)
        assert not infrared_confidence(channel, Polarity.TRANSMISSION).any()
    assert not infrared_confidence(CLEAN, Polarity.MATTE).any()


def test_a_piece_and_its_edge_carry_one_confidence_that_grows_with_what_it_blocks():
    blocked = CLEAN.copy()
    for place, share in ((60, 0.12), (160, 0.3), (260, 0.9)):
        cv2.circle(blocked, (place, 90), 5, share, -1)
    found = infrared_confidence(infrared(picture(3), blocked), Polarity.TRANSMISSION)
    values = [set(np.unique(found[:, part])) - {0} for part in (slice(0, 110), slice(110, 210), slice(210, None))]
    assert [len(value) for value in values] == [1, 1, 1]
    (faint,), (clear,), (black,) = values
    assert 100 < faint < clear < black


def test_what_blocks_less_than_is_seen_is_left():
    blocked = CLEAN.copy()
    cv2.circle(blocked, (160, 90), 5, 0.05, -1)
    assert not infrared_confidence(infrared(picture(3), blocked), Polarity.TRANSMISSION).any()


def test_the_map_reaches_the_speck_in_the_picture_though_infrared_shows_it_beside():
    blocked = CLEAN.copy()
    cv2.circle(blocked, (160, 90), 4, 1.0, -1)
    beside = np.roll(1 - blocked, (1, 1), (0, 1)) * 0.8
    found = infrared_confidence(beside.astype(np.float32), Polarity.TRANSMISSION)
    assert (found[blocked > 0] >= 128).all()


def test_gate_and_splice_are_no_dirt():
    channel = infrared(picture(4), CLEAN)
    channel[:, :14] = 0.01
    channel[80:110, :] *= 0.3
    found = infrared_confidence(channel, Polarity.TRANSMISSION)
    assert (found >= 128).mean() < 0.001


def test_the_level_is_that_of_the_clean_film_beneath():
    channel = infrared(picture(4), CLEAN)
    dirtier = infrared(picture(4), dirt(4))
    level, steady = surround_level(dirtier)
    assert steady.all()
    assert np.abs(level - surround_level(channel)[0]).max() < 0.01
