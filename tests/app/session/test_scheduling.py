"""Slots: how many at once, in which order, and what becomes of those who do not wait to the end."""

import threading
import time
from contextvars import ContextVar

import pytest

from app.session import scheduling
from app.session.scheduling import FairQueue, cores, drawing, in_slot, slot, wait_shown


class Visitor(threading.Thread):
    """Takes a slot, notes that it is inside, and leaves when told to."""

    def __init__(self, gate, name, order, *, while_waiting=None):
        super().__init__(daemon=True)
        self.gate, self.visitor, self.order, self.while_waiting = gate, name, order, while_waiting
        self.entered, self.leave, self.error = threading.Event(), threading.Event(), None

    def run(self):
        try:
            with self.gate.slot(self.visitor, self.while_waiting):
                self.order.append(self.visitor)
                self.entered.set()
                self.leave.wait(20)
        except RuntimeError as error:
            self.error = error


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


@pytest.fixture
def queue():
    """Starts visitors one after the other, each once the one before is inside or waits."""
    gate, order, started = FairQueue(2), [], []

    def start(name, **settings):
        before = gate.inside + gate.waiting
        visitor = Visitor(gate, name, order, **settings)
        started.append(visitor)
        visitor.start()
        until(lambda: gate.inside + gate.waiting == before + 1)
        return visitor

    start.gate, start.order = gate, order
    yield start
    for visitor in started:
        visitor.leave.set()
    for visitor in started:
        visitor.join(20)
    assert (gate.inside, gate.waiting) == (0, 0)


def test_no_more_are_inside_than_there_are_slots(queue):
    a, b, c = queue("a"), queue("b"), queue("c")
    until(lambda: a.entered.is_set() and b.entered.is_set())
    assert not c.entered.wait(0.3)
    a.leave.set()
    assert c.entered.wait(20)


def test_slots_are_given_in_order_of_arrival(queue):
    first = [queue(name) for name in "ab"]
    later = [queue(name) for name in "cdef"]
    for leaving, next_one in zip([*first, *later[:2]], later, strict=True):
        leaving.leave.set()
        assert next_one.entered.wait(20)
    assert queue.order[2:] == ["c", "d", "e", "f"]


def test_one_visitor_has_one_slot_and_others_pass_them(queue):
    a = queue("a")
    again, b = queue("a"), queue("b")
    assert b.entered.wait(20)
    assert not again.entered.wait(0.3)
    a.leave.set()
    assert again.entered.wait(20)


def test_those_without_a_name_do_not_count_as_one(queue):
    assert [queue(None).entered.wait(20) for _ in range(2)] == [True, True]


def test_a_visitor_with_many_pictures_lets_another_in_between():
    gate, order = FairQueue(1), []
    begun = threading.Event()

    def many():
        for piece in range(20):
            with gate.slot("many"):
                order.append(("many", piece))
                begun.set()
                until(lambda: gate.waiting or ("one", 0) in order)

    busy = threading.Thread(target=many, daemon=True)
    busy.start()
    assert begun.wait(20)
    with gate.slot("one"):
        order.append(("one", 0))
    busy.join(20)
    assert order.index(("one", 0)) <= 2


def test_who_is_not_wanted_any_more_leaves_the_queue(queue):
    stop = threading.Event()

    def look(before):
        if stop.is_set():
            raise RuntimeError("the visitor left")

    queue("a"), queue("b")
    gone = queue("c", while_waiting=look)
    d = queue("d")
    stop.set()
    gone.join(20)
    assert str(gone.error) == "the visitor left"
    assert queue.gate.waiting == 1
    assert not d.entered.is_set()


def test_an_error_inside_gives_the_slot_back():
    gate = FairQueue(1)
    with pytest.raises(ValueError, match="broken"), gate.slot("a"):
        raise ValueError("broken")
    with gate.slot("b"):
        assert gate.inside == 1


def test_a_slot_within_a_slot_goes_through():
    gate = FairQueue(1)
    with gate.slot("a"), gate.slot("a"):
        assert gate.inside == 1
    assert gate.inside == 0


def test_who_waits_hears_how_many_are_before_them(queue):
    heard, stop = [], threading.Event()

    def look(before):
        heard.append(before)
        if stop.is_set():
            raise RuntimeError("heard enough")

    first = [queue(name) for name in "abcd"]
    last = queue("e", while_waiting=look)
    until(lambda: heard)
    first[0].leave.set()
    until(lambda: heard[-1] == 1)
    stop.set()
    last.join(20)
    assert heard[0] == 2


def test_waiting_is_shown_in_the_context_of_the_page_once_it_takes_a_while(monkeypatch):
    gate, shown = FairQueue(1), []
    place = ContextVar("place", default="page")
    monkeypatch.setattr(scheduling, "_queue", lambda: gate)
    monkeypatch.setattr(scheduling, "this_session", lambda: "a")
    monkeypatch.setattr(scheduling, "let_streamlit_stop", lambda: None)
    ticket, was_shown = gate.take("b"), threading.Event()
    begun = time.monotonic()

    def show(before):
        shown.append((place.get(), before, time.monotonic() - begun))
        was_shown.set()

    def give_back():
        was_shown.wait(20)
        gate.give_back(ticket)

    threading.Thread(target=give_back, daemon=True).start()
    with wait_shown(show):
        place.set("cached function")
        with slot():
            assert was_shown.is_set()
    assert {(where, before) for where, before, _ in shown} == {("page", 0)}
    assert min(seconds for *_, seconds in shown) >= scheduling.SHOWN_AFTER
    gate.take("b")
    with pytest.raises(RuntimeError, match="stopped"), wait_shown(lambda before: stopped()), slot():
        pass


def stopped():
    raise RuntimeError("stopped")


def test_few_draw_at_once_and_heavy_work_makes_room(monkeypatch):
    places, slots = FairQueue(1), FairQueue(1)
    monkeypatch.setattr(scheduling, "_places", lambda: places)
    monkeypatch.setattr(scheduling, "_queue", lambda: slots)
    monkeypatch.setattr(scheduling, "this_session", lambda: "a")
    with drawing():
        assert places.inside == 1
        with drawing():  # a part of the page, drawn with it
            assert places.inside == 1
        with slot():
            assert (places.inside, slots.inside) == (0, 1)
        assert (places.inside, slots.inside) == (0, 0)
    assert places.inside == 0


def test_a_page_that_fails_gives_its_place_back(monkeypatch):
    places = FairQueue(1)
    monkeypatch.setattr(scheduling, "_places", lambda: places)
    monkeypatch.setattr(scheduling, "this_session", lambda: "a")
    with pytest.raises(ValueError, match="broken"), drawing():
        raise ValueError("broken")
    assert places.inside == 0


def test_a_file_is_made_in_a_slot_of_the_visitor_who_was_offered_it(monkeypatch):
    gate, seen = FairQueue(1), []
    monkeypatch.setattr(scheduling, "_queue", lambda: gate)
    monkeypatch.setattr(scheduling, "this_session", lambda: "a")
    make = in_slot(lambda: seen.append(gate._inside[0].visitor) or b"file")
    monkeypatch.setattr(scheduling, "this_session", lambda: None)
    assert make() == b"file"
    assert seen == ["a"]


def test_cores_are_told_by_the_operator_or_the_containers_quota(monkeypatch, tmp_path):
    monkeypatch.setattr(scheduling, "_QUOTA", tmp_path / "cpu.max")
    own = cores()
    assert own >= 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores() == own
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert cores() == 1
    monkeypatch.setenv("CBAM_CORES", "7")
    assert cores() == 7
    monkeypatch.setenv("CBAM_CORES", "none")
    assert cores() == 1
