"""Which worker takes which file of tests."""

from tests.schedule import next_file

FILES = ["tests/app/test_a.py", "tests/browser/test_a.py", "tests/browser/test_b.py", "tests/gates/test_a.py"]


def shared_out(turns):
    """Files in the order in which they are taken; a turn says whether it is the first worker's."""
    left, taken = list(FILES), []
    for first in turns:
        taken.append(next_file(left, first=first))
        left.remove(taken[-1])
    return taken


def test_the_first_worker_takes_browser_tests_before_others():
    assert shared_out([True] * 4) == [FILES[1], FILES[2], FILES[0], FILES[3]]


def test_other_workers_take_browser_tests_once_nothing_else_is_left_those_that_the_first_would_take_last():
    assert shared_out([False] * 4) == [FILES[0], FILES[3], FILES[2], FILES[1]]


def test_all_together_take_every_file_once():
    assert shared_out([True, False, False, True]) == [FILES[1], FILES[0], FILES[3], FILES[2]]
