import threading

from semrouter_extproc.observe.backlog import Backlog


def test_items_are_worked_on_in_order_by_another_thread() -> None:
    seen: list[tuple[int, bool]] = []
    here = threading.get_ident()
    backlog: Backlog[int] = Backlog(
        lambda item: seen.append((item, threading.get_ident() == here)), name="test", room=100
    )

    assert all(backlog.put(number, 1) for number in range(100))
    assert backlog.close(10)
    assert seen == [(number, False) for number in range(100)]


def test_what_finds_no_room_is_turned_away_until_there_is_some() -> None:
    release = threading.Event()
    backlog: Backlog[int] = Backlog(lambda _: release.wait(10), name="test", room=10)

    taken = [backlog.put(number, 4) for number in range(3)]
    assert taken == [True, True, False]
    assert backlog.waiting == 8
    assert not backlog.close(0.05)

    release.set()
    assert backlog.close(10)
    assert backlog.waiting == 0
