"""Words in the language of the session: never another one's, and whole in every language."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from app.session import words
from app.session.words import (
    LANGUAGES,
    Words,
    _,
    as_template,
    card_text,
    class_name,
    language,
    listed_classes,
    paragraph,
    plain_text,
    say,
    sentence,
    translated,
    translated_for_files,
)
from cbam_core import CBAM_CNN
from cbam_core.errors import ImageError, Message
from cbam_core.weights.assumed import PLAIN_WORDS, assumed_description
from tests.app.conftest import Marked


def speak(linked=None, locale=None):
    """A page with one sentence on it."""

    def page(linked, locale):
        import streamlit as st

        from app.session.words import _, language, settle_language

        settle_language(linked, locale)
        st.text(language())
        st.text(_("{count} images", count=3))

    return AppTest.from_function(page, args=(linked, locale)).run()


def test_outside_of_a_session_words_are_english():
    assert language() == "en"
    assert _("{count} images", count=3) == "3 images"


@pytest.mark.parametrize(
    ("linked", "locale", "code"),
    [
        (None, "zh-CN", "zh"),
        (None, "zh_Hans", "zh"),
        (None, "en-GB", "en"),
        (None, "fr", "en"),
        (None, None, "en"),
        ("zh", "en-US", "zh"),
        ("en", "zh-CN", "en"),
        ("../../x", "zh-CN", "zh"),
        ("", "", "en"),
    ],
)
def test_the_link_comes_before_the_browser_and_english_is_the_rest(linked, locale, code):
    assert speak(linked, locale).text[0].value == code


def test_a_session_keeps_its_language():
    page = speak("zh")
    page.args = ("en", "en-US")
    assert page.run().text[0].value == "zh"


def test_a_language_that_is_changed_while_a_page_is_made_is_that_of_the_rest():
    def page():
        import streamlit as st

        from app.session.words import change_language, language, settle_language

        st.text(language())
        settle_language("zh", None)
        st.text(language())
        change_language("en")
        st.text(language())

    app = AppTest.from_function(page).run()
    assert [text.value for text in app.text] == ["en", "zh", "en"]
    assert [text.value for text in app.run().text] == ["en", "en", "en"]


def test_languages_never_reach_another_session(marked):
    visitors = [(code, speak(code)) for code in LANGUAGES for _visitor in range(2)]
    for _turn in range(3):
        for code, page in visitors:
            assert page.run().text[1].value == f"⟦{code} 3 images⟧"


def test_words_are_looked_up_when_they_are_read(monkeypatch):
    there = Words({"swap": "Swap"})
    assert there["swap"] == "Swap"
    monkeypatch.setattr(words, "_catalogue", Marked)
    assert there["swap"] == "⟦en Swap⟧"
    assert dict(there) == translated(there) == translated({"swap": "Swap"}) == {"swap": "⟦en Swap⟧"}


def test_a_percent_sign_stays_with_its_number_on_pages_and_has_a_plain_space_in_files():
    there = Words({"share": "{share} % of 20 %"})
    expected = "{share}\xa0% of 20\xa0%"
    assert there["share"] == translated(there)["share"] == expected
    assert translated_for_files(there)["share"] == "{share} % of 20 %"
    assert say(Message("a.b", "{share} % of 20 %", {"share": 5})) == "5\xa0% of 20\xa0%"


def test_a_word_among_a_messages_values_is_translated_and_a_name_is_not(marked):
    said = say(Message("a.b", "{name} has no {kind}", {"name": "spatial mask", "kind": "spatial mask"}))
    assert said == "⟦en spatial mask has no ⟦en spatial mask⟧⟧"


def test_an_error_is_said_as_a_sentence():
    assert sentence(ImageError("image.empty", "this file is empty; expected {what}", what="a {picture}")) == (
        "This file is empty; expected a {picture}."
    )


def test_classes_of_strangers_keep_their_names(marked):
    assert class_name("cat") == "⟦en cat⟧"
    assert class_name("my own class") == "my own class"
    assert class_name("first class 3") == "first class 3"


def test_a_class_that_reads_like_a_button_keeps_its_name(monkeypatch):
    monkeypatch.setattr(words, "language", lambda: "zh")
    assert [_("Random"), class_name("Random"), class_name("cat"), class_name("class 7")] == [
        "随机",
        "Random",
        "猫",
        "类别 7",
    ]


def test_what_is_assumed_of_a_plain_state_dict_is_translated(marked):
    assumed = assumed_description({name: value.shape for name, value in CBAM_CNN(num_classes=3).state_dict().items()})
    assert [class_name(name) for name in assumed.classes] == ["⟦en class 0⟧", "⟦en class 1⟧", "⟦en class 2⟧"]
    assert card_text(assumed.card.what) == "⟦en A plain state dict: weights without a description.⟧"
    assert {as_template(text)[0] for text in (*assumed.classes, assumed.card.what)} == {*PLAIN_WORDS.values()}


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("trained on 49,000 of the 50,000 images", "trained on {n1} of the {n2} images"),
        ("CBAM_CNN on CIFAR-10, 32x32 pixels", "CBAM_CNN on CIFAR-10, 32x32 pixels"),
        (f"from net_cifar10 (SHA-256 {'0a' * 32}), ours", "from net_cifar10 (SHA-256 {n1}), ours"),
        ("a {strange} text with 7", "a {{strange}} text with {n1}"),
        ("a {strange} text", "a {strange} text"),
        ("", ""),
    ],
)
def test_numbers_of_a_card_are_no_part_of_its_translation(text, template):
    found, values = as_template(text)
    assert found == template
    assert (found.format(**values) if values else found) == text
    assert card_text(text) == text


def test_of_very_many_classes_the_first_are_named():
    assert listed_classes(("a", "b")) == "a, b"
    assert listed_classes(tuple(f"c{number}" for number in range(1000))).endswith("c19 … (1,000)")


@pytest.mark.parametrize("name", ["[sign in](https://x.example)", "$x$", ":red[no]", "**b**", "_a_.png", "<b>"])
def test_names_are_nothing_to_markdown(name):
    plain = plain_text(name)
    assert re.sub(r"\\(.)", r"\1", plain) == name
    assert not re.search(r"(?<!\\)[\[\]$:*_<>]", plain)


def test_sentences_of_a_paragraph_are_set_apart_as_their_script_does():
    assert paragraph("One.", "Two.") == "One. Two."
    assert paragraph("一。", "二。") == "一。二。"


def test_visitors_read_the_name_of_a_file_and_the_log_has_where_it_lies(caplog):
    words._log_whole.cache_clear()
    error = ImageError(
        "data.unreadable", "{path}: {reason}", path="/srv/my photos/cat/a.jpg", reason="see /srv/b/c.jpg."
    )
    for _time in range(2):
        assert sentence(error) == "A.jpg: see c.jpg.."
    assert [record.getMessage() for record in caplog.records] == [
        "data.unreadable: /srv/my photos/cat/a.jpg: see /srv/b/c.jpg."
    ]
    plain = Message("a.b", "{a} {b} {c}", {"a": "cifar10:test/17", "b": "1/2", "c": "https://a.org/b/c"})
    assert say(plain) == "cifar10:test/17 1/2 https://a.org/b/c"
