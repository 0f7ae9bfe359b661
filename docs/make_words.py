"""Keeps the catalogues of translations: ``make words``.

Collects every English sentence of ours from the code and from the cards of the networks that ship, brings the
catalogues in ``app/locale`` up to date, and compiles them. What was not translated yet, or became doubtful, is told.
"""

from __future__ import annotations

import ast
import io
import json
import re
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.session.words import CATALOGUES, CLASS, DOMAIN, LOCALE, as_template  # noqa: E402
from cbam_core.data.cifar10 import CLASSES  # noqa: E402
from cbam_core.explanation.formats import FORMATS, WEB_PAGE  # noqa: E402
from cbam_core.results.look import COLOUR_TABLES  # noqa: E402

PACKAGES = ("app", "cbam_core")
MARKS = {"_": 0, "N_": 0, "DamagedError": 0, "Message": 1}
"""Which argument of a call is a sentence; in errors it is the second one."""
TEMPLATES = {"DamagedError"}
"""Calls whose sentence becomes a value of another message: its own numbers are taken out, see `as_template`."""
OUTSIDE = "cbam_core/cli/"
"""The command line speaks English."""
HEADERS = ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
CARD_TEXTS = ("what", "split", "limits")


class Found(NamedTuple):
    """A sentence, or the name of a class.

    Attributes:
        text: the English one.
        place: the file that it stands in.
        context: tells it from a sentence of the same words; None for most.
    """

    text: str
    place: str
    context: str | None = None


def collect() -> Iterator[Found]:
    """Every sentence, and the classes of CIFAR-10."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith(OUTSIDE):
                continue
            for text in dict.fromkeys(sentences(path.read_text(encoding="utf-8"))):
                yield Found(text, place)
    for name in CLASSES:
        yield Found(name, "cbam_core/data/cifar10.py", CLASS)
    for label in (each.label for each in (*FORMATS, WEB_PAGE) if each.label):
        yield Found(label, "cbam_core/explanation/formats.py")
    for name in COLOUR_TABLES:
        yield Found(name, "cbam_core/results/colours.json")
    for path in sorted((ROOT / "checkpoints").glob("*.safetensors")):
        for text in card_sentences(path):
            yield Found(text, path.relative_to(ROOT).as_posix())


def sentences(source: str) -> Iterator[str]:
    """The sentences of a module: arguments of calls that `MARKS` names, and values of what is called ``WORDS``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id.endswith("WORDS") for target in targets):
                yield from _of_words(node.value)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    place = MARKS.get(name, 1 if name.endswith("Error") else None)
    if place is not None and len(call.args) > place:
        argument = call.args[place]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
            yield as_template(argument.value)[0] if name in TEMPLATES else argument.value


def _of_words(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Dict):
            for text in node.values:
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def card_sentences(path: Path) -> Iterator[str]:
    """What the card in a ``.safetensors`` file says in sentences."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        described = json.loads(json.loads(file.read(length))["__metadata__"]["cbam_lens"])
    for name in CARD_TEXTS:
        if described["card"].get(name):
            yield as_template(described["card"][name])[0]


def template() -> Catalog:
    """All sentences of ours, untranslated, in the order of the code."""
    catalogue = Catalog(project="CBAM Lens", charset="utf-8", fuzzy=False)
    for text, place, context in collect():
        flags = ("python-brace-format",) if re.search(r"\{\w", text) else ()
        catalogue.add(text, locations=[(place, None)], flags=flags, context=context)
    return catalogue


def path_of(code: str, ending: str = "po") -> Path:
    """The catalogue of a language."""
    return LOCALE / CATALOGUES[code] / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def read(code: str) -> Catalog:
    """A language's catalogue as it is stored; an empty one where there is none yet."""
    path = path_of(code)
    if not path.exists():
        return Catalog(locale=CATALOGUES[code], project="CBAM Lens", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=CATALOGUES[code])


def written(catalogue: Catalog) -> bytes:
    """The catalogue as translators edit it; no dates, so that it changes only where its sentences do."""
    catalogue.header_comment = "# CBAM Lens in another language; see docs/translating.md."
    kept = [(name, value) for name, value in catalogue.mime_headers if name in HEADERS]
    file = io.BytesIO()
    write_po(file, catalogue, width=100, ignore_obsolete=True, include_lineno=False, omit_header=True)
    head = "".join(f'"{name}: {value}\\n"\n' for name, value in kept)
    return f'{catalogue.header_comment}\nmsgid ""\nmsgstr ""\n{head}\n'.encode() + file.getvalue()


def letters() -> set[str]:
    """Every character that a translation needs."""
    return {letter for code in CATALOGUES for message in read(code) if message.id for letter in message.string}


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as the app reads it."""
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    """Collect, update and compile."""
    for code in CATALOGUES:
        catalogue = read(code)
        catalogue.update(template(), no_fuzzy_matching=False, update_header_comment=False)
        catalogue.obsolete.clear()
        path = path_of(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalogue))
        path_of(code, "mo").write_bytes(compiled(catalogue))
        missing = [message for message in catalogue if message.id and (message.fuzzy or not message.string)]
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} sentences, {len(missing)} to translate")
        for message in missing:
            print(f"  {message.id}")


if __name__ == "__main__":
    main()
