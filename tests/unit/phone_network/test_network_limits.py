"""Windows of sixty seconds."""

from phone_network.limits import Busiest, Limit


def test_no_window_of_sixty_seconds_holds_more_than_the_limit() -> None:
    limit = Limit(2)

    assert [limit.admits(now) for now in (0.0, 1.0, 2.0, 59.9, 60.0, 60.5, 61.0)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_zero_is_no_limit() -> None:
    limit = Limit(0)

    assert all(limit.admits(0.0) for _ in range(1000))


def test_the_busiest_minute_is_remembered() -> None:
    busiest = Busiest()
    for now in (0.0, 10.0, 59.0, 100.0, 101.0):
        busiest.add(now)

    assert (busiest.total, busiest.most) == (5, 3)
