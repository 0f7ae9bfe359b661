"""Starts one server for Inspect and the page that it is compared with; prints its address as `cbam app` does.

Plotly is loaded before the server freezes what is alive, so that the reference profits from `gc.freeze` as Inspect
does, and Inspect does not pay for collecting what only the reference needs.
"""

from pathlib import Path

import numpy as np

from app.server.launch import serve


def warm_up() -> None:
    """What the first visitor of either page would wait for."""
    from plotly.graph_objects import Figure

    from app.shell.warm_up import warm_up as warm_up_pages
    from cbam_core.render.charts import channel_weights

    Figure(channel_weights(np.zeros(4, np.float32), title="")).to_json()
    warm_up_pages()


if __name__ == "__main__":
    serve(port=0, script=Path(__file__).resolve().with_name("both_pages.py"), warm_up=warm_up)
