"""The README in Chinese says what the README says: the same sections, commands, numbers and links."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
ADVICE = "bring README.zh-CN.md up to README.md"


def blocks(text):
    return re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)


def prose(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def rows(text):
    """The numbers, code and names of files in each row of the tables."""
    lines = [line for line in prose(text).splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [(sorted(re.findall(r"\d[\d,.]*", line)), re.findall(r"`[^`]+`", line)) for line in lines]


def links(text):
    return sorted(re.findall(r"\]\((?!README)([^)#]+?)(?:\.zh)?(?:\.png)?\)", text))


def test_code_is_the_same():
    assert blocks(CHINESE) == blocks(ENGLISH), ADVICE


def test_tables_hold_the_same_numbers_and_commands():
    assert rows(CHINESE) == rows(ENGLISH), ADVICE


def test_sections_and_paragraphs_go_side_by_side():
    def shape(text):
        return [part[:2] if part[:2] in {"# ", "##", "| ", "``", "!["} else "p" for part in text.split("\n\n")]

    assert shape(CHINESE) == shape(ENGLISH), ADVICE


def test_links_lead_to_the_same_places():
    assert links(CHINESE) == links(ENGLISH), ADVICE


def test_numbers_in_sentences_are_the_same():
    def numbers(text):
        return sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", re.sub(r"`[^`]*`|\([^)]*\)|（[^）]*）", "", prose(text))))

    ours, theirs = numbers(CHINESE), numbers(ENGLISH)
    assert [number for number in theirs if len(number) > 1 and number not in ours] == [], ADVICE


def test_each_leads_to_the_other():
    assert "(README.zh-CN.md)" in ENGLISH
    assert "(README.md)" in CHINESE
