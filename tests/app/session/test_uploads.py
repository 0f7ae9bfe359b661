import hashlib

from app.session.uploads import numbered, uploaded


def test_a_file_is_known_by_the_digest_of_its_content():
    assert uploaded("a.png", b"pixels").digest == hashlib.sha256(b"pixels").hexdigest()
    assert uploaded("a.png", b"pixels").digest == uploaded("b.png", b"pixels").digest


def test_files_of_one_name_get_numbers_before_their_ending():
    given = [uploaded(name, name.encode()) for name in ("image.png", "image.png", "image-2.png", "image.png", "photo")]
    assert [one.name for one in numbered(given)] == [
        "image.png",
        "image-2.png",
        "image-2-2.png",
        "image-3.png",
        "photo",
    ]
