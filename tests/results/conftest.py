"""What tests of scorecards share."""

import pytest

from cbam_core.results.score import Score
from tests.results.made_score import made_score


@pytest.fixture
def score() -> Score:
    return made_score()
