"""Images in files: what each is called."""

from pathlib import Path

from cbam_core.data.sequences import ImageFiles, shortest_names


def test_files_are_named_by_the_shortest_end_of_their_paths_that_no_other_has():
    inside = ["cat/1.jpg", "dog/1.jpg", "dog/2.jpg", "old/dog/1.jpg", "1.jpg"]
    root = Path("/photos")
    named = ImageFiles([root / path for path in inside], root).names
    assert named == ("cat/1.jpg", "dog/1.jpg", "2.jpg", "old/dog/1.jpg", "1.jpg")
    assert shortest_names([]) == ()
