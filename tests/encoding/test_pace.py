import pytest

from semrouter_extproc.encoding.pace import Pace


def learnt(*batches: tuple[int, float], workers: int = 1) -> Pace:
    """Return the pace after full batches of so many characters and seconds."""
    pace = Pace(workers)
    for characters, seconds in batches:
        pace.learn(characters, seconds, is_full=True)
    return pace


def test_nothing_is_expected_before_anything_is_known() -> None:
    assert Pace(1).seconds_for(1_000_000) == 0


def test_one_batch_tells_the_pace() -> None:
    assert learnt((100, 0.5)).seconds_for(200) == pytest.approx(1.0)


def test_workers_share_what_waits() -> None:
    assert learnt((100, 0.5), workers=2).seconds_for(200) == pytest.approx(0.5)


def test_short_texts_and_long_ones_count_by_what_they_hold() -> None:
    mixed = learnt(*[(2, 0.01), (500, 0.01)] * 50)

    assert mixed.seconds_for(502) == pytest.approx(0.02, rel=0.1)


def test_the_pace_follows_a_change() -> None:
    slower = learnt((100, 0.1), *[(100, 0.2)] * 50)

    assert slower.seconds_for(100) == pytest.approx(0.2, rel=0.01)


def test_a_lone_text_says_nothing_bad_about_the_pace() -> None:
    pace = Pace(1)
    pace.learn(1, 10.0, is_full=False)
    assert pace.seconds_for(1) == 0

    pace.learn(100, 0.1, is_full=True)
    pace.learn(1, 10.0, is_full=False)
    assert pace.seconds_for(100) == pytest.approx(0.1)


def test_a_lone_text_may_show_that_the_encoder_is_faster_than_was_thought() -> None:
    pace = learnt((100, 10.0))

    for _ in range(50):
        pace.learn(100, 0.1, is_full=False)

    assert pace.seconds_for(100) < 0.2


def test_texts_without_characters_are_no_division_by_zero() -> None:
    assert learnt((0, 0.1)).seconds_for(0) == 0
