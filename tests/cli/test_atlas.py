"""``cbam atlas build``: an atlas is where it is asked for, with its metadata, and no other is lost."""

import errno
import json
import shutil
from pathlib import Path

from PIL import Image

from cbam_core import open_atlas
from cbam_core.atlas.preparing import is_prepared
from cbam_core.cli import main
from cbam_core.cli.atlas import default_folder
from cbam_core.data.corruption import corrupted
from cbam_core.data.dataset import samples, thinned
from cbam_core.data.samples import sample_sheet


def test_an_atlas_is_built_where_it_is_asked_for(tiny_checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path))
    command = ["atlas", "build", "--model", str(tiny_checkpoint), "--set", "samples", "--images", "20"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny on 20 images of cifar10:samples, accuracy ")
    assert "6 gates with 560 values an image" in said
    assert f" MB in {tmp_path / 'tiny-cifar10-samples-20'}\n" in said
    assert said.endswith('or open_atlas("tiny-cifar10-samples-20")\n')
    assert len(open_atlas("tiny-cifar10-samples-20")) == 20
    atlas = open_atlas(tmp_path / "tiny-cifar10-samples-20")
    assert list(atlas.ids)[:3] == ["cifar10:samples/0", "cifar10:samples/5", "cifar10:samples/10"]
    assert sorted(atlas.labels.tolist()) == sorted([*range(10)] * 2)
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 20
    assert is_prepared(atlas)  # nobody who opens the page waits for the nearest images


def test_the_whole_path_of_an_atlas_is_printed(tiny_checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--set", "samples", "--images", "2", "--out", "here.atlas"]
    assert main(["atlas", "build", "--model", str(tiny_checkpoint), *words]) == 0
    assert capsys.readouterr().out.endswith(f" MB in {tmp_path / 'here.atlas'}\n")


def test_another_atlas_in_the_folder_is_kept_unless_it_is_to_be_replaced(tiny_checkpoint, folder, tmp_path, capsys):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--images", "10", "--out", str(place)]
    assert main(command) == 3
    assert "holds an atlas of other images, cifar10:samples" in capsys.readouterr().err
    assert main([*command, "--again"]) == 0
    assert len(open_atlas(place)) == 10


def test_images_that_cannot_be_decoded_are_named(tiny_checkpoint, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, pixels in enumerate(sample_sheet().images[:3]):
        Image.fromarray(pixels).save(photos / f"{number}.png")
    (photos / "bad.png").write_bytes(b"no picture")
    place = tmp_path / "atlas"
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", str(photos), "--out", str(place)]) == 1
    written = capsys.readouterr()
    assert f"{photos / 'bad.png'}: this file is not an image" in written.err
    assert "; it is left out" in written.err
    assert "after repairing the files, build again with --again" in written.err
    assert "tiny on 3 of 4 images of photos; " in written.out
    assert "'photos', 3 of 4 images read, " in repr(open_atlas(place))
    assert main(["atlas", "check", str(place)]) == 0
    assert capsys.readouterr().out.endswith("are what it gives; 1 of the images could not be decoded\n")
    assert main(["atlas", "info", str(place), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["unreadable"] == ["bad.png"]
    assert said["accuracy"] is None


def test_metadata_are_joined_by_id(tiny_checkpoint, folder, tmp_path, capsys):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    table = tmp_path / "cameras.csv"
    table.write_text("id,camera\ncifar10:samples/3,old\nelsewhere,new\n", encoding="utf-8")
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place), "--metadata"]
    assert main([*command, str(table)]) == 0
    assert "1 of 100 images have a row" in capsys.readouterr().err
    assert open_atlas(place).select({"camera": "old"}).tolist() == [3]
    table.write_text("id,camera\nelsewhere,new\n", encoding="utf-8")
    assert main([*command, str(table)]) == 3
    assert "must have names such as 'cifar10:samples/0'" in capsys.readouterr().err
    table.write_text("id,camera,class\ncifar10:samples/3,old,mine\n", encoding="utf-8")
    assert main([*command, str(table)]) == 0
    assert "conditions on class are on what the atlas itself knows" in capsys.readouterr().err


def test_metadata_that_cannot_be_read_are_refused_before_the_atlas_is_built(tiny_checkpoint, tmp_path, capsys):
    table = tmp_path / "cameras.csv"
    table.write_text("id,camera\nx,old,new\n", encoding="utf-8")
    out = tmp_path / "atlas"
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(out)]
    assert main([*command, "--metadata", str(table)]) == 3
    assert "row 2" in capsys.readouterr().err
    table.write_text("id,camera\nelsewhere,new\n", encoding="utf-8")
    assert main([*command, "--metadata", str(table)]) == 3
    assert "no row of " in capsys.readouterr().err
    assert main([*command, "--metadata", str(tmp_path / "camera.csv")]) == 3
    assert f"there is no file {tmp_path / 'camera.csv'}; check its name and folder" in capsys.readouterr().err
    assert not out.exists()


def test_a_mark_of_the_byte_order_is_no_part_of_a_column(tiny_checkpoint, folder, tmp_path):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    table = tmp_path / "cameras.csv"
    table.write_bytes("\ufeffid,camera\r\ncifar10:samples/3,007\r\ncifar10:samples/4,7\r\n".encode())
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]
    assert main([*command, "--metadata", str(table)]) == 0
    assert open_atlas(place).select({"camera": "007"}).tolist() == [3]


def test_a_full_disk_is_said_with_what_to_do_and_the_same_command_goes_on(
    tiny_checkpoint, tmp_path, capsys, monkeypatch
):
    def full(path, write):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    place = tmp_path / "atlas"
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--images", "10", "--out", str(place)]
    with monkeypatch.context() as broken:
        broken.setattr("cbam_core.atlas.tables.write_atomically", full)
        assert main(command) == 3
    said = capsys.readouterr().err
    assert f"the disk is full, so {place / 'tables.npz'} cannot be written: free some space, and do the same" in said
    assert said.count("\n") == 1
    assert main(command) == 0
    assert len(open_atlas(place)) == 10


def test_an_interrupt_while_the_nearest_are_found_says_that_the_atlas_is_finished(
    tiny_checkpoint, tmp_path, capsys, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    place = tmp_path / "atlas"
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]
    with monkeypatch.context() as broken:
        broken.setattr("cbam_core.atlas.preparing.nearest_of", stop)
        assert main(command) == 130
    assert f"interrupted; the atlas in {place} is finished, but for the nearest images" in capsys.readouterr().err
    assert not is_prepared(open_atlas(place))
    assert main(command) == 0
    assert is_prepared(open_atlas(place))


def test_folders_are_named_after_network_and_images(tiny_classifier, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", "/somewhere")
    from dataclasses import replace

    named = replace(tiny_classifier, name="my net/best")
    assert default_folder(named, samples(), None) == Path("/somewhere/my-net-best-cifar10-samples")
    assert default_folder(named, thinned(samples(), 7), 7).name == "my-net-best-cifar10-samples-7"
    assert default_folder(named, corrupted(samples(), "blur", 3), None).name == "my-net-best-cifar10-samples-blur-3"


def test_an_atlas_of_corrupted_images_is_compared_with_that_of_the_clean_ones(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path))
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--images", "20"]
    assert main(command) == main([*command, "--corrupt", "blur:5"]) == 0
    clean, worse = (open_atlas(tmp_path / f"tiny-cifar10-samples-20{end}") for end in ("", "-blur-5"))
    assert clean.compare(worse).images.tolist() == clean.compare(worse).others.tolist() == list(range(20))
    assert (clean.thumbnails(range(20)).std() - worse.thumbnails(range(20)).std()) > 3  # a blur takes contrast
    assert main([*command, "--corrupt", "fog:5"]) == 3


def test_images_beside_the_classes_are_counted_and_an_empty_name_is_no_set(tiny_checkpoint, tmp_path, capsys):
    for name in ("cat/a.png", "b.png", "c.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (32, 32)).save(path)
    command = ["atlas", "build", str(tiny_checkpoint), "--out", str(tmp_path / "atlas"), "--set"]
    assert main([*command, str(tmp_path / "photos")]) == 0
    said = capsys.readouterr()
    assert (
        f"2 images beside the folders of classes in {tmp_path / 'photos'} are left out, the first is b.png" in said.err
    )
    assert "on 1 image of photos" in said.out
    assert " left out (" not in said.err
    (tmp_path / "photos" / "cat" / "notes.txt").write_text("none")
    (tmp_path / "photos" / "cat" / ".a.png").write_text("none")
    (tmp_path / "photos" / "cat" / "gone.png").symlink_to("nowhere.png")
    assert main([*command, str(tmp_path / "photos")]) == 0
    why = "1 hidden, 1 without the ending of an image, 1 not there, as a link that leads nowhere"
    first = Path("cat") / ".a.png"
    assert f"3 files in {tmp_path / 'photos'} left out ({why}), the first is {first}\n" in capsys.readouterr().err
    assert main([*command, ""]) == 2
    assert "the value of --set is empty, as that of a variable that is not set; give one" in capsys.readouterr().err
    assert main([*command, " "]) == 2
    assert "the name of the set is empty; name a set or a folder, or leave the option out" in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tiny_checkpoint, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "file")]) == 3
    said = f"cbam: an atlas needs a folder of its own, and {tmp_path / 'file'} is a file: name another folder\n"
    assert capsys.readouterr().err == said
