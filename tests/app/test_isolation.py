"""What a visitor brings and takes along never reaches another one: the whole app, with real connections."""

import hashlib
import io
import json
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from streamlit.proto.Common_pb2 import FileUploaderState

from benchmarks.apparatus.visitor import visiting

MIB = 1024 * 1024
CAT = Path(skimage.__file__).parent / "data" / "chelsea.png"


APP = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("cbam_core.cli", run_name="__main__", alter_sys=True)
"""
"""The app, started as users start it."""


@pytest.fixture(scope="module")
def address(interpreter, tmp_path_factory):
    """Where the app runs."""
    server = interpreter.start(APP, Path(__file__).parents[2], "app", "--port", 0, cwd=tmp_path_factory.mktemp("where"))
    try:
        yield server.says(r"ready at (http://\S+)")[1]
    finally:
        server.kill(signal.SIGTERM)
        server.wait()


def photos(mark):
    """Files of four large pictures; those of two marks differ in one pixel each."""
    files = {}
    for number in range(4):
        pixels = np.asarray(Image.open(CAT).convert("RGB").resize((900, 600))).copy()
        pixels[number * 50, 100] = (mark, number, 0)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
        files[f"holiday-{number}.png"] = file.getvalue()
    return files


def inspect_uploads(visitor, files):
    visitor.open()
    visitor.change("inspect-source", string_array_value=["Upload"])
    visitor.upload("files-0", files)


def digests_in(archive):
    """SHA-256 of the pictures that a ZIP of results is about."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        manifests = [json.loads(files.read(name)) for name in files.namelist() if name.endswith("manifest.json")]
    return {manifest["image"]["sha256"] for manifest in manifests}


def digests_of(files):
    return {hashlib.sha256(content).hexdigest() for content in files.values()}


def test_large_downloads_of_nearly_equal_pictures_reach_their_own_visitors(address):
    def take_along(mark):
        files = photos(mark)
        with visiting(address) as visitor:
            inspect_uploads(visitor, files)
            return files, visitor.download("upload-zip")

    with ThreadPoolExecutor(2) as both:
        (mine, my_zip), (yours, your_zip) = both.map(take_along, (1, 2))
    assert min(len(my_zip), len(your_zip)) > MIB
    assert digests_in(my_zip) == digests_of(mine)
    assert digests_in(your_zip) == digests_of(yours)
    assert my_zip != your_zip


def test_an_upload_is_on_no_other_visitors_page(address):
    with visiting(address) as one, visiting(address) as two:
        inspect_uploads(one, {"secret-of-one.png": CAT.read_bytes()})
        two.open()
        two.change("inspect-source", string_array_value=["Upload"])
        assert b"secret-of-one" in one.seen
        assert b"secret-of-one" not in two.seen


def test_knowing_a_files_identifier_does_not_open_it(address):
    with visiting(address) as one, visiting(address) as two:
        one.open()
        file, urls = one.file_urls("secret.png")
        assert one.put("secret.png", CAT.read_bytes(), file=file)[0] == 204
        two.open()
        two.change("inspect-source", string_array_value=["Upload"])
        state = FileUploaderState()
        stolen = state.uploaded_file_info.add()
        stolen.file_id, stolen.name, stolen.size = file, "secret.png", 1
        stolen.file_urls.CopyFrom(urls)
        two.change("files-0", file_uploader_state_value=state)
        assert "upload-viewer-0" not in two.page.elements
        assert b"secret" not in two.seen


def test_a_checkpoint_is_offered_to_its_visitor_alone(address, tiny_checkpoint):
    with visiting(address) as one, visiting(address) as two:
        one.open()
        one.upload("own-file-0", {"secret-network.safetensors": tiny_checkpoint.read_bytes()})
        two.open()
        shipped = two.page.elements["network_name"].options[:]
        assert "Yours: secret-network" in one.page.elements["network_name"].options
        assert b"secret-network" not in two.seen
        two.change("network_name", string_value="secret-network")
        assert two.page.elements["network_name"].options[:] == shipped
        assert not two.page.errors


def test_a_long_batch_says_how_far_it_is_and_ends_when_it_is_not_wanted_any_more(address):
    file = io.BytesIO()
    Image.new("RGB", (4000, 4000), "teal").save(file, "PNG", compress_level=1)  # all of them take ten seconds or more
    files = {f"batch-{number}.png": file.getvalue() + bytes([number]) for number in range(20)}
    with visiting(address) as visitor:
        visitor.open()
        visitor.change("inspect-source", string_array_value=["Upload"])
        seen = len(visitor.seen)
        visitor.upload("files-0", files, stop_at=b" of 20: batch-")
        assert b"Image 20 of 20" not in visitor.seen[seen:]
        assert "overview" not in visitor.page.elements
        visitor.change("inspect-source", string_array_value=["Samples"])  # and the visit goes on
        assert not visitor.page.errors
