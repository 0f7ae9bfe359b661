"""Compare without a browser: opening it, and reading what is there."""

from __future__ import annotations

import json
from pathlib import Path

import skimage

from cbam_core.places import shipped_checkpoints
from tests.app.visiting import open_page

CAT = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()
NETWORK = "cbam_cnn_cifar10"
FIRST_CAT, FIRST_DOG = 30, 50


def opened(mode=None):
    """The page as a new visitor opens it; in another mode, as if they had chosen it before."""
    return open_page("compare", {} if mode is None else {"compare-mode": mode})


def html(app):
    return " ".join(element.proto.body for element in app.get("html"))


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.warning, *app.info])


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def predictions(app):
    return " ".join(str(element.proto) for element in app.get("bidi_component"))


def mode(app, name):
    app.segmented_control(key="compare-mode").select(name).run()
    assert not app.exception
    return app


def source(app, side, generation=0):
    return app.segmented_control(key=f"compare-source-{side}-{generation}")


def uploader(app, side, generation=0):
    return next(one for one in app.file_uploader if f"compare-file-{side}-{generation}" in one.proto.id)


def compare_networks(right):
    app = opened("networks")
    app.selectbox(key="compare-network-right-0").select(right).run()
    assert not app.exception
    return app


def zips(app):
    return [button.proto for button in app.get("download_button") if button.proto.id.endswith("compare-zip")]


def said(app):
    return {name: "".join(value) for name, value in app.query_params.items()}


def shipped_pair(monkeypatch):
    """The page comparing the two networks that ship, whose blocks have other names."""
    monkeypatch.delenv("CBAM_CHECKPOINT_DIR", raising=False)
    assert len(shipped_checkpoints()) == 2
    return opened("networks")
