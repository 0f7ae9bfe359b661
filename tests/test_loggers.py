"""What libraries log reaches a test, whatever their loggers do with it."""

import logging

import pytest

from tests.loggers import records_reach_the_root


def test_pytest_need_not_add_handlers_to_loggers_of_torch():
    assert [name for name in ("torch", "torch.distributed") if not logging.getLogger(name).propagate] == []


@pytest.fixture
def loggers():
    """Two loggers made by a test; the second is below the first and has no level of its own."""
    made = [logging.getLogger(name) for name in ("tests.closed", "tests.closed.below")]
    yield made
    for logger in made:
        logging.root.manager.loggerDict.pop(logger.name)


def test_records_that_loggers_keep_to_themselves_reach_a_test_once_from_the_same_level_on(loggers, caplog):
    loggers[0].setLevel(logging.ERROR)
    for logger in loggers:
        logger.propagate = False
    records_reach_the_root()
    for logger in loggers:
        logger.error("said by %s", logger.name)
        logger.warning("less than its level")
    assert caplog.messages == ["said by tests.closed", "said by tests.closed.below"]


def test_a_logger_that_is_made_while_others_go_through_all_does_not_disturb_them():
    all_loggers = logging.root.manager.loggerDict
    for number, _ in zip(range(2), all_loggers.values(), strict=False):
        logging.getLogger(f"tests.made.meanwhile.{number}")
    assert all_loggers.pop("tests.made.meanwhile.1") is not None
    assert all_loggers.pop("tests.made.meanwhile.0") is not None
