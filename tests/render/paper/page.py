"""What holds for every printed figure: nothing sticks out, and no picture lies on another."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg


def boxes_of_texts(figure: Any) -> list[Any]:
    """Places of all texts, as one renderer draws them: to each text alone matplotlib would make one anew."""
    renderer = FigureCanvasAgg(figure.drawn).get_renderer()
    return [text.get_window_extent(renderer) for text in figure.drawn.texts if text.get_text()]


def check_page(figure: Any) -> None:
    """Everything lies on the page, and no picture, bar chart or scale on another."""
    page = figure.drawn.bbox
    boxes = [one.bbox for one in figure.drawn.axes]
    for box in [*boxes, *boxes_of_texts(figure)]:
        assert box.x0 >= -0.1
        assert box.y0 >= -0.1
        assert box.x1 <= page.x1 + 0.1
        assert box.y1 <= page.y1 + 0.1
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert min(one.x1, other.x1) <= max(one.x0, other.x0) or min(one.y1, other.y1) <= max(one.y0, other.y0)
