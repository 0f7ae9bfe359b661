"""Thumbnails of the operator's images: made once, and again where a file changed."""

import io

from PIL import Image

from app import services


def test_thumbnails_of_the_folder_are_made_once_and_again_where_a_picture_changed(image_folder):
    for number in range(20):
        Image.new("RGB", (64, 48), (0, 0, 10 * number)).save(image_folder / f"c{number:02}.png")
    told = []
    sheet = services.gallery_sheet(services.gallery(), 10, told.append)
    assert told == [10, 20]
    assert Image.open(io.BytesIO(sheet)).size == (10 * 88, 3 * 88)
    assert services.gallery_sheet(services.gallery(), 10, told.append) is sheet
    assert told == [10, 20]
    Image.new("RGB", (64, 50), (255, 255, 255)).save(image_folder / "b.png")
    assert services.gallery_sheet(services.gallery(), 10, told.append) != sheet
