"""How long an image takes: the shortest of a few steps, or what work in the background has taken lately."""

from types import SimpleNamespace

import pytest

from app.services import speed


class Clock:
    """Tells the time, which only steps let go by."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


class Steps:
    """Shows a network so many images, with the seconds that each of its steps takes."""

    def __init__(self, clock, total, seconds):
        self.clock, self.total, self.seconds, self.count = clock, total, iter(seconds), 0

    def step(self, most):
        self.clock.time += next(self.seconds)
        self.count = min(self.total, self.count + most)


def test_the_first_step_counts_only_where_there_is_no_other():
    clock = Clock()
    assert speed.shortest_step(Steps(clock, 100, [0.08, 0.032, 0.016, 0.048, 0.4]), clock) == pytest.approx(0.001)
    assert speed.shortest_step(Steps(clock, 100, [3.2]), clock) == pytest.approx(0.2)
    assert speed.shortest_step(Steps(clock, 4, [0.4]), clock) == pytest.approx(0.1)


def test_work_in_the_background_says_what_an_image_takes():
    clock, network = Clock(), SimpleNamespace(digest="of test_speed")

    def steps():
        for done, seconds in ((100, 1.0), (110, 0.5), (120, 0.1), (120, 9.0), (130, 0.2)):
            clock.time += seconds
            yield done
        return "made"

    assert speed.seconds_lately(network, "build") is None
    done = speed.timed(network, "build", steps(), clock)
    assert list(done) == [100, 110, 120, 120, 130]
    assert speed.seconds_lately(network, "build") == pytest.approx(0.02)  # those of before took no time
    assert speed.seconds_lately(network, "survey") is None
