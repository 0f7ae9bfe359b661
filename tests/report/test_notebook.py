"""Outputs of a notebook: what is left without scripts, and that two of them do not meet."""

import re
from dataclasses import replace

import numpy as np

from cbam_core.report import gallery_html, output_html
from cbam_core.results.explanations import Explanations
from cbam_core.results.placement import Placement
from tests.plain_explanations import explained
from tests.report.reading import read


def test_the_summary_stands_above_the_viewer_and_needs_neither_script_nor_style_sheet():
    reader = read(output_html(explained()))
    tags = [tag for tag, _ in reader.elements]
    assert tags.index("table") < tags.index("iframe")
    assert {"script", "style", "link"}.isdisjoint(tags)
    assert len(reader.attributes("img")) == 1 + 2  # the input, and a mask of each block
    for said in ("frog", "70.0 %", "cbam1", "8 channels", "4×4 cells"):
        assert said in reader.words


def test_outputs_share_no_names():
    output = output_html(explained())
    assert not re.search(r'\b(id|class|name)="', output)


def test_without_blocks_there_is_no_frame():
    one = explained(sizes=())
    assert "iframe" not in output_html(one)
    assert "no gates" in output_html(one)


def test_more_than_four_blocks_are_tiles():
    one = explained(sizes=tuple((f"b{i}", 4, 4) for i in range(5)))
    reader = read(output_html(one))
    assert len(reader.attributes("table")) == 1  # of the classes
    assert reader.words.count("4×4 cells") == 5


def test_masks_that_do_not_lie_exactly_where_they_are_drawn_are_counted():
    one = explained()
    first, second = one.blocks
    near = replace(second, placement=replace(second.placement, status="approximate", bound=2.5))
    lost = replace(first, placement=Placement.stretched((8, 8), (32, 32)))
    said = read(output_html(replace(one, blocks=(lost, near)))).words
    assert "Blocks whose place is approximate: 1; their cells lie up to 2.5 pixels" in said
    assert "Blocks whose place is unknown: 1;" in said
    assert "Blocks whose place" not in read(output_html(one)).words


def test_a_gallery_names_images_and_says_how_many_more_there_are():
    names = [f"{number}.png" for number in range(30)]
    reader = read(gallery_html([explained(usual=False)] * 30, names))
    assert "23.png" in reader.words
    assert "24.png" not in reader.words
    assert "and 6 more" in reader.words
    assert len(reader.attributes("iframe")) == 1


def test_an_empty_list_is_shown_as_one():
    assert gallery_html([]) == "<p>[]</p>"
    assert Explanations()._repr_html_() == "<p>[]</p>"


def test_an_output_of_a_large_network_stays_below_a_megabyte():
    sizes = [
        (f"layer{stage}.{block}", width, cells)
        for stage, (count, width, cells) in enumerate([(3, 256, 56), (4, 512, 28), (6, 1024, 14), (3, 2048, 7)])
        for block in range(count)
    ]  # a ResNet-50
    one = explained(sizes=sizes, usual=False)
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    object.__setattr__(one, "input_image", image)  # noise: no image takes more
    assert len(output_html(one)) < 1_000_000
