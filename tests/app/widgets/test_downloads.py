import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.session.uploads import Fitted
from app.widgets import downloads as room
from app.widgets.downloads import download_both, downloads
from cbam_core import explain, load_classifier
from cbam_core.data.images import decode
from cbam_core.explanation import saving
from cbam_core.explanation.contents import as_npz, as_png
from cbam_core.explanation.formats import FORMATS
from cbam_core.viewer import Settings
from tests.report.reading import read

FILES = tuple(each.name for each in FORMATS)


@pytest.fixture
def offered(monkeypatch):
    """What `downloads` offers: a function that makes the file, by its name."""
    files = {}
    monkeypatch.setattr(room.st, "popover", lambda *_, **__: room.st.container())
    monkeypatch.setattr(room.st, "download_button", lambda _, make, *, file_name, **__: files.update({file_name: make}))
    return files


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two photos of other sizes: their files and explanations by name."""
    folder, classifier = tmp_path_factory.mktemp("photos"), load_classifier("cbam_cnn_cifar10")
    files = {}
    for name, size in (("a.png", (80, 60)), ("b.png", (50, 70))):
        noise = np.random.default_rng(size[0]).integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(noise).save(folder / name)
        files[name] = (folder / name).read_bytes()
    return files, {name: explain(classifier, content) for name, content in files.items()}


def test_names_differ_where_the_contents_do(offered, pictures):
    _, explanations = pictures
    one = {"a.png": explanations["a.png"]}
    for settings in (Settings(), Settings(opacity=0.4), Settings(image="original")):
        downloads(one, settings, key="k")
    downloads({"a.png": explanations["b.png"]}, Settings(), key="k")
    kinds = [each.label for each in FORMATS if each.label] + ["html", "zip", "pdf", "svg", "png", "txt"]
    assert len(offered) == 4 * len(kinds)
    assert all(name.startswith("a-") for name in offered)


def test_a_hostile_name_becomes_a_plain_one(offered, pictures):
    downloads({"../../<b>&.png": pictures[1]["a.png"]}, Settings(), key="k")
    assert all(name.startswith("b-") for name in offered)


def test_the_figure_is_of_the_open_picture_as_the_viewer_shows_it(offered, pictures):
    files, explanations = pictures
    downloads(explanations, Settings(image="original"), files=files, opened="b.png", key="k")
    (figure,) = [make for name, make in offered.items() if name.endswith(".png") and "mm-" not in name]
    assert figure() == as_png(explanations["b.png"], original=decode(files["b.png"]).pixels)


def test_every_format_with_a_label_is_offered_alone_and_everything_as_a_zip(offered, pictures):
    _, explanations = pictures
    downloads({"a.png": explanations["a.png"]}, Settings(), key="k")
    endings = [name.partition(".")[2] for name in offered]
    labelled = [each.ending.removeprefix(".") for each in FORMATS if each.label]
    assert endings == [*labelled, "html", "zip", "pdf", "svg", "png", "txt"]
    (values,) = [make for name, make in offered.items() if name.endswith(".npz")]
    assert values() == as_npz(explanations["a.png"])


def test_the_web_page_holds_the_open_image_its_truth_and_the_viewers_look(offered, pictures):
    files, explanations = pictures
    one, settings = {"b.png": explanations["b.png"]}, Settings(image="original", reading="relative", opacity=0.4)
    classifier = load_classifier("cbam_cnn_cifar10")
    downloads(one, settings, files=files, truth="cat", classifier=classifier, key="k")
    (make,) = [make for name, make in offered.items() if name.endswith(".html")]
    page = read(make().decode())
    data = json.loads(page.data)
    assert data["settings"] == settings.as_dict()
    assert [image["id"] for image in data["entries"][0]["images"]] == ["input", "original"]
    assert data["entries"][0]["truth"] == "cat"
    assert classifier.digest in page.words


def test_the_web_page_of_several_images_holds_all_of_them(offered, pictures):
    files, explanations = pictures
    downloads(explanations, Settings(), files=files, opened="b.png", truth="cat", key="k")
    (make,) = [make for name, make in offered.items() if name.endswith(".html")]
    entries = json.loads(read(make().decode()).data)["entries"]
    assert [(entry["name"], entry["truth"]) for entry in entries] == [("a.png", None), ("b.png", None)]


def test_the_figure_for_a_paper_shows_what_the_viewer_shows(offered, pictures):
    files, explanations = pictures
    one = {"b.png": explanations["b.png"]}
    settings = Settings(image="original", reading="relative", order="sorted", opacity=0.4)
    downloads(one, settings, files=files, truth="cat", key="k")
    (figure,) = [make for name, make in offered.items() if name.startswith("b-174mm-") and name.endswith(".pdf")]
    expected = explanations["b.png"].figure(
        truth="cat",
        original=decode(files["b.png"]).pixels,
        reading="relative",
        order="sorted",
        opacity=0.4,
        parts=("input", "probabilities", "truth", "masks", "usual", "bars"),
    )
    assert figure() == expected.as_bytes("pdf")
    (caption,) = [make for name, make in offered.items() if name.endswith(".txt")]
    assert caption().decode() == f"{expected.caption}\n"


def test_a_figure_is_drawn_on_the_values_that_the_network_saw(offered):
    clear = io.BytesIO()
    Image.new("RGBA", (80, 60), (0, 0, 0, 0)).save(clear, "PNG")
    file = clear.getvalue()
    black = explain(load_classifier("cbam_cnn_cifar10"), decode(file, ground="black"))
    read = {"a.png": Fitted(ground="black")}
    downloads({"a.png": black}, Settings(image="original"), files={"a.png": file}, fitted=read, key="k")
    (figure,) = [make for name, make in offered.items() if name.endswith(".png") and "mm-" not in name]
    assert figure() == as_png(black, original=decode(file, ground="black").pixels)


def test_originals_in_a_zip_are_decoded_one_at_a_time(offered, pictures, monkeypatch):
    files, explanations = pictures
    order = []
    monkeypatch.setattr(room, "decode", lambda content, **how: order.append(content) or decode(content, **how))
    monkeypatch.setattr(saving, "as_files", lambda *_, **__: order.append("drawn") or {})
    downloads(explanations, Settings(image="original"), files=files, opened="a.png", key="k")
    (everything,) = [make for name, make in offered.items() if name.endswith(".zip")]
    everything()
    assert order.index("drawn") < order.index(files["b.png"])
    assert order.count("drawn") == 2


def test_both_sides_go_into_one_zip_with_a_folder_each(offered, pictures):
    files, explanations = pictures
    left, right = explanations["a.png"], explanations["b.png"]
    download_both(left, right, files={"b": files["b.png"]}, key="k")
    (make,) = offered.values()
    with zipfile.ZipFile(io.BytesIO(make())) as archive:
        assert set(archive.namelist()) == {f"{side}/{file}" for side in "ab" for file in FILES}
        assert archive.read("a/figure.png") == as_png(left)
        assert archive.read("b/figure.png") == as_png(right, original=decode(files["b.png"]).pixels)
    download_both(right, left, files={"a": files["b.png"]}, key="k")
    download_both(left, replace(right, checkpoint="twin"), files={"b": files["b.png"]}, key="k")
    assert len(offered) == 3  # other contents have other names
