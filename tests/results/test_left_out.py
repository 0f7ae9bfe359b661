"""The sentence about images that are left out."""

from cbam_core.results.left_out import LeftOut, left_out_message, numbers_read

FIVE = [LeftOut(number, f"cat/{number}.jpg") for number in (7, 1, 4, 3, 9)]


def test_a_few_are_all_named() -> None:
    said = str(left_out_message(FIVE[:1], 9))
    assert said == "1 of 10 images left out, which cannot be decoded: cat/7.jpg"


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    said = str(left_out_message(FIVE, 65, folders=False))
    assert said == "5 of 70 images left out, which cannot be decoded: 7.jpg, 1.jpg, 4.jpg and 2 more"


def test_what_was_read_keeps_its_numbers() -> None:
    assert numbers_read(FIVE[:3], 5).tolist() == [0, 2, 3, 5, 6]
    assert LeftOut(0, "C:\\photos\\a.jpg").file == "a.jpg"
