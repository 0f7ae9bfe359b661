"""The catalogues hold every sentence of ours, whole, and the compiled ones say what the written ones say."""

import ast
import functools
import gettext
import importlib.util
import io
import string
from pathlib import Path

import pytest
from PIL import ImageFont

from app.session.words import CATALOGUES, LANGUAGES
from cbam_core.explanation.formats import FORMATS
from cbam_core.render.lettering import OWN_FONT, _has
from cbam_core.results.look import COLOUR_TABLES

ROOT = Path(__file__).resolve().parents[3]
ADVICE = "run `make words`, and translate what it names in app/locale"


def load(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


make_words = load(ROOT / "docs" / "make_words.py")


@pytest.fixture(params=sorted(CATALOGUES))
def catalogue(request):
    """A language's catalogue, as translators keep it."""
    return make_words.read(request.param)


def places(text):
    return {(name, spec, conversion or "") for _, name, spec, conversion in string.Formatter().parse(text) if name}


@functools.cache
def known():
    return {(found.text, found.context) for found in make_words.collect()}


def test_every_language_but_english_has_a_catalogue():
    assert set(LANGUAGES) == {"en", *CATALOGUES}


def test_every_sentence_of_the_code_is_in_the_catalogue(catalogue):
    missing = known() - {(message.id, message.context) for message in catalogue}
    assert not missing, ADVICE


def test_labels_of_formats_and_names_of_colour_tables_are_sentences():
    texts = {text for text, _ in known()}
    assert {*COLOUR_TABLES, *(each.label for each in FORMATS if each.label)} <= texts


def test_nothing_else_is_in_the_catalogue(catalogue):
    assert not {(message.id, message.context) for message in catalogue if message.id} - known(), ADVICE


def test_every_sentence_is_translated_and_none_is_doubtful(catalogue):
    left = [message.id for message in catalogue if message.id and (message.fuzzy or not message.string.strip())]
    assert not left, ADVICE


def test_translations_have_the_places_of_the_sentence(catalogue):
    for message in catalogue:
        if message.id and message.string and "{" in message.id:
            assert places(message.string) == places(message.id), message.id


def test_translations_keep_the_markup_of_the_sentence(catalogue):
    for message in catalogue:
        for mark in ("**", "<br>", "`"):
            assert message.string.count(mark) == message.id.count(mark), message.id


@pytest.mark.parametrize("code", sorted(CATALOGUES))
def test_the_compiled_catalogue_says_what_the_written_one_says(code):
    stored = gettext.GNUTranslations(io.BytesIO(make_words.path_of(code, "mo").read_bytes()))
    fresh = gettext.GNUTranslations(io.BytesIO(make_words.compiled(make_words.read(code))))
    messages = [message for message in make_words.read(code) if message.id]
    assert [said(stored, message) for message in messages] == [said(fresh, message) for message in messages], ADVICE


def said(translations, message):
    if message.context is None:
        return translations.gettext(message.id)
    return translations.pgettext(message.context, message.id)


def test_sentences_are_found_where_they_stand():
    source = """
WORDS = Words({"a": "first", "b": f"not {one}", **OTHER})
_MORE_WORDS: Mapping[str, str] = MappingProxyType({"c": "second " "and third"})
NAMES = {"d": "no sentence"}
def page():
    st.text(_("fourth {count}", count=3))
    raise ImageError("image.code", "fifth {what}", what="no sentence")
    note = Message("note.code", "sixth")
    raise DamagedError("seventh, 1 MiB")
"""
    found = [*make_words.sentences(source)]
    assert sorted(found) == [
        "fifth {what}", "first", "fourth {count}", "second and third", "seventh, {n1} MiB", "sixth",
    ]  # fmt: skip


def templates():
    for package in ("app", "cbam_core"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
                if (name == "Message" or name.endswith("Error")) and len(node.args) > 1:
                    yield path.relative_to(ROOT).as_posix(), node.args[1]


def test_messages_and_errors_are_made_of_whole_sentences():
    # Those that hand another error's sentence on have nothing to add to a catalogue.
    handed_on = {"cbam_core/errors.py", "cbam_core/weights/assumed.py", "cbam_core/weights/description.py"}
    for place, argument in templates():
        literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        listed = isinstance(argument, ast.Subscript) and ast.unparse(argument.value).endswith("WORDS")
        assert literal or listed or (place in handed_on and "template" in ast.unparse(argument)), (
            place,
            ast.unparse(argument),
        )


def test_the_font_of_pictures_has_every_character_of_the_catalogues():
    font = ImageFont.truetype(str(OWN_FONT), 20)
    lacking = sorted(letter for letter in make_words.letters() if letter.isprintable() and not _has(font, letter))
    assert not lacking, "run docs/make_font.py, which needs Noto Sans CJK (Debian: fonts-noto-cjk)"
    assert OWN_FONT.stat().st_size < 500_000


def test_cards_of_networks_that_ship_are_translated(catalogue):
    for path in sorted((ROOT / "checkpoints").glob("*.safetensors")):
        texts = [*make_words.card_sentences(path)]
        assert texts
        assert all(catalogue.get(text) for text in texts)
