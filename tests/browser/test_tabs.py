"""Tabs that are lent again: the next one finds nothing of the last."""

import pytest

pytestmark = pytest.mark.browser


def test_a_tab_that_is_lent_again_has_no_way_back(tabs_alone, tmp_path):
    files = [tmp_path / f"{number}.html" for number in range(3)]
    tab = tabs_alone.lend()
    for file in files:
        file.write_text(file.name)
        tab.page.goto(file.as_uri())
    assert tab.page.evaluate("history.length") >= len(files)
    tab.leave()
    again = tabs_alone.lend()
    assert again.page is tab.page
    assert again.page.evaluate("history.length") == 1
    again.leave()
