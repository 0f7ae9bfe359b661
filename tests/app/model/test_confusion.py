import re

import numpy as np

from app.model.confusion import confusion_table, mistakes

NAMES = ("cat", "<dog>", "frog")
COUNTS = np.array([[8, 2, 0], [5, 5, 0], [0, 0, 0]])


def cells(page):
    return re.findall(r'<td(?: class="none")? style="background:rgba\((.+?)\)" data-said="(.+?)">(.+?)</td>', page)


def test_every_cell_has_its_count_and_says_what_it_is():
    found = cells(confusion_table(NAMES, COUNTS))
    assert [cell[2] for cell in found] == ["8", "2", "·", "5", "5", "·", "·", "·", "·"]
    assert found[0][1] == "cat recognised: 8 of 10 (80.0\xa0%)"
    assert found[1][1] == "cat predicted as &lt;dog&gt;: 2 of 10 (20.0\xa0%)"


def test_colour_is_the_share_of_the_row_and_both_scales_are_printed():
    page = confusion_table(NAMES, COUNTS)
    depth = [float(ground.split(",")[-1]) for ground, _, _ in cells(page)]
    assert depth[0] == 0.48  # 80 % of the deepest blue
    assert depth[3] == 0.6  # the largest share of a mistake
    assert np.isclose(depth[1], 0.24)
    assert "predicted as another class: 0" in page
    assert "50.0\xa0%" in page


def test_mistakes_are_named_most_frequent_first():
    assert mistakes(NAMES, COUNTS) == "Most frequent errors: <dog> as cat (5), cat as <dog> (2)."
    assert mistakes(NAMES, np.diag([1, 2, 3])) == "There were no errors."
    assert mistakes((), np.zeros((0, 0), int)) == "There were no errors."


def test_no_name_is_read_as_html():
    assert "<dog>" not in confusion_table(NAMES, COUNTS)


def test_chinese_names_stand_upright_and_have_room():
    page = confusion_table(("飞机", "青蛙", "鹿"), COUNTS)
    assert '<thead class="upright">' in page
    assert "--names: 3.0em" in page
    assert "<thead>" in confusion_table(NAMES, COUNTS)
