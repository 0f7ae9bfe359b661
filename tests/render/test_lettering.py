"""Letters on a picture."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from cbam_core.render import lettering as module
from cbam_core.render.lettering import Lettering, lettering


def ink(text: Lettering, line: str) -> bytes:
    page = Image.new("L", (400, 60), 255)
    text.write(ImageDraw.Draw(page), (10, 40), line, 30, colour="black")
    return page.tobytes()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Lettering:
    """Pillow's own font on a machine that has no other."""
    monkeypatch.setattr(module, "FALLBACKS", ())
    monkeypatch.setattr(module, "OWN_FONT", "absent.otf")
    return lettering(["猫 é"])


def test_pillows_own_font_serves_plain_english() -> None:
    chosen = lettering(["cat 87.3 % · 16 x 16 cells… (cbam_1)"])
    assert ink(chosen, "cat") == ink(Lettering(module.ImageFont.load_default), "cat")


def test_letters_that_no_font_has_become_plain_ones(plain: Lettering) -> None:
    assert ink(plain, "café") == ink(plain, "cafe")
    assert ink(plain, "猫") == ink(plain, "?")


def test_translated_words_are_drawn_alike_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with_system = lettering(["通道权重，0.21 至 0.51"])
    monkeypatch.setattr(module, "FALLBACKS", ())
    assert ink(lettering(["通道权重，0.21 至 0.51"]), "通道权重") == ink(with_system, "通道权重")
    assert ink(with_system, "通道权重") != ink(with_system, "通道通道")


def test_a_letter_that_no_font_has_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FALLBACKS", ())
    chosen = lettering(["通道权重", "\U00012000"])
    assert ink(chosen, "通道") == ink(lettering(["通道权重"]), "通道")
    assert ink(chosen, "\U00012000") == ink(chosen, "?")


def test_line_breaks_and_control_characters_take_no_room(plain: Lettering) -> None:
    assert ink(plain, " a\nb\x00\t c ") == ink(plain, "a b c")


def test_a_short_line_stays_whole(plain: Lettering) -> None:
    assert plain.fitted("cat", 30, 400) == "cat"


@pytest.mark.parametrize("end", [True, False])
def test_a_long_line_is_cut_to_fit(plain: Lettering, end: bool) -> None:
    cut = plain.fitted("backbone.layer4.block2.attention.cbam", 30, 300, end=end)
    assert plain.width(cut, 30) <= 300
    assert cut.startswith("backbone")
    assert cut.endswith("cbam" if end else "…")


def test_a_very_long_line_is_cut_quickly(plain: Lettering) -> None:
    cut = plain.fitted("x" * 100_000, 30, 300)
    assert 5 < len(cut) < 40


def test_wrapped_lines_hold_every_word_and_fit(plain: Lettering) -> None:
    words = "Each block: its spatial mask over the image, and alone."
    lines = plain.wrapped(words, 30, 250)
    assert len(lines) > 2
    assert " ".join(lines) == words
    assert all(plain.width(line, 30) <= 250 for line in lines)


def test_chinese_is_wrapped_between_its_characters_and_no_line_begins_with_a_comma() -> None:
    words = "每个模块：空间掩码以 50 % 不透明度叠加在图像上（单元之间经过平滑），以及单独的掩码。"
    text = lettering([words])
    for width in range(120, 400, 40):
        lines = text.wrapped(words, 30, width)
        assert "".join(lines).replace(" ", "") == words.replace(" ", "")
        assert all(text.width(line, 30) <= width for line in lines)
        assert not any(line[0] in "，。：）%" or line[-1] == "（" for line in lines)
