"""Each Chinese page says what its English one says, and documents name files and programs that exist."""

import re
import shlex
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from typer.main import get_command

from cbam_core import load_classifier
from cbam_core.cli.commands import app as cbam
from cbam_core.results.score_file import read_score

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "docs/atlas.md",
    "docs/atlas-cluster.md",
    "docs/course.md",
    "docs/day-50.md",
    "docs/evidence.md",
    "docs/figures.md",
    "docs/measured.md",
    "docs/readings.md",
    "docs/training.md",
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMES_NO_FILE = re.compile(r"runs/|out/|results/|build/api|NAME|x/")
"""What a command makes, or stands for a name to choose."""


NAMED_PAGES = ("Inspect", "Compare", "What if", "Evidence", "Atlas")
"""Pages whose names are no other words at the beginning of a sentence."""
SHOW_MESSAGES = ("files.md",)
"""Pages that show what the program says, signs included."""


@cache
def catalogue():
    """Chinese words for each sentence of the app."""
    with (ROOT / "app/locale/zh_CN/LC_MESSAGES/cbam_lens.po").open("rb") as file:
        known = {}
        for entry in read_po(file):
            if isinstance(entry.id, str):
                known.setdefault(entry.id, []).append(entry.string)
    return known


def chinese_of(name):
    return f"{name.removesuffix('.md')}.zh-CN.md"


@pytest.fixture(params=PAGES)
def pair(request):
    """Texts of an English page and of its Chinese one, and what to do where they differ."""
    names = request.param, chinese_of(request.param)
    return (*((ROOT / name).read_text(encoding="utf-8") for name in names), f"bring {names[1]} up to {names[0]}")


def blocks(text):
    return re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)


def prose(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def sentences(text):
    """The text outside of code."""
    return re.sub(r"`[^`]*`", "`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))


def rows(text):
    """The numbers, code and names of files in each row of the tables."""
    lines = [line for line in prose(text).splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [(sorted(re.findall(r"\d+(?:[,.]\d+)*", line)), re.findall(r"`[^`]+`", line)) for line in lines]


def headings(path):
    """Names of a page's headings, as links to them have them."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def links(text):
    """Where links lead; a Chinese picture or page counts as the English one."""
    found = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    return sorted(link.replace(".zh.png", ".png").replace(".zh-CN.", ".") for link in found)


def test_code_is_the_same(pair):
    english, chinese, advice = pair
    assert blocks(chinese) == blocks(english), advice


def test_tables_hold_the_same_numbers_and_commands(pair):
    english, chinese, advice = pair
    assert rows(chinese) == rows(english), advice


def test_sections_and_paragraphs_go_side_by_side(pair):
    def shape(text):
        return [part[:2] if part[:2] in {"# ", "##", "| ", "``", "!["} else "p" for part in text.split("\n\n")]

    english, chinese, advice = pair
    assert shape(chinese) == shape(english), advice


def test_links_lead_to_the_same_places(pair):
    english, chinese, advice = pair
    assert links(chinese) == links(english), advice


def test_numbers_in_sentences_are_the_same(pair):
    def numbers(text):
        return sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", re.sub(r"`[^`]*`|\([^)]*\)|（[^）]*）", "", prose(text))))

    english, chinese, advice = pair
    ours, theirs = numbers(chinese), numbers(english)
    assert [number for number in theirs if len(number) > 1 and number not in ours] == [], advice


def test_numbers_have_the_same_units(pair):
    def united(text):
        return Counter(re.findall(r"\d+(?:\.\d+)? (?:ms|s|MB|GB|mm|pt)(?![A-Za-z])", prose(text)))

    english, chinese, advice = pair
    assert united(chinese) == united(english), advice


def test_buttons_and_pages_are_called_as_in_the_app(pair):
    english, chinese, advice = pair
    english, chinese = (re.sub(r"\s*\n\s*", " ", sentences(text)) for text in (english, chinese))
    marked = re.findall(r"“([^”]+)”|\*{1,2}([^*]+?)\*", english)
    named = {one or other for one, other in marked} | {
        page for page in NAMED_PAGES if re.search(rf"\b{page}\b", english)
    }
    known = {name: names for name in sorted(named) if (names := catalogue().get(name))}
    assert [name for name, names in known.items() if not any(one in chinese for one in names)] == [], advice


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_signs_are_written_in_one_way(path):
    text = sentences(path.read_text(encoding="utf-8"))
    assert re.findall(r'.{0,20}".{0,20}', text) == [], "write “ and ”"
    if path.name not in SHOW_MESSAGES:
        assert re.findall(r".{0,20}(?<![\w.-])-\d.{0,20}", text) == [], "write −"
    assert re.findall(r".{0,20}\b\d+ ?x ?\d.{0,20}", text) == [], "write ×"
    percent = r"\d %" if path.name.endswith(".zh-CN.md") else r"\d%"
    assert re.findall(percent, text) == []


@pytest.mark.parametrize("name", PAGES)
def test_each_leads_to_the_other(name):
    other = chinese_of(name)
    assert f"({Path(other).name})" in (ROOT / name).read_text(encoding="utf-8")
    assert f"({Path(name).name})" in (ROOT / other).read_text(encoding="utf-8")


def test_every_measured_claim_names_its_program():
    text = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    claims = text.split("\n| claim | measured | command |\n")[1].split("\n\n")[0].splitlines()[1:]
    programs = [re.fullmatch(r"\| .+ \| .+ \| `(benchmarks/\w+\.py)` \|", line)[1] for line in claims]
    named = {*programs, *re.findall(r"benchmarks/\w+\.py", text.split("## Does CBAM help here?")[1])}
    assert len(programs) == len(set(programs))
    assert named == {f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").glob("*.py")}


def test_figures_of_the_readme_are_those_that_were_measured():
    measured = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    (more,) = re.findall(r"^## More\n(.*?)^## ", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    figures = re.findall(r"\d+(?:\.\d+)?(?: ± [\d.]+| %| ms)", more)
    assert len(figures) == 5
    assert [figure for figure in figures if figure not in measured] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_and_to_headings_in_them(path):
    for link, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        target = path.parent / link if link else path
        assert target.exists(), f"{path.name} links to {link}"
        assert not heading or heading in headings(target), f"{path.name} links to {link}#{heading}"


def test_every_picture_is_shown_and_small():
    shown = {
        (path.parent / link).resolve()
        for path in DOCUMENTS
        for link in re.findall(r"!\[[^\]]+\]\((\S+)\)", path.read_text(encoding="utf-8"))
    }
    pictures = {*(ROOT / "docs" / "pictures").iterdir()}
    assert shown == pictures
    assert [path.name for path in pictures if path.stat().st_size > 300_000] == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "docs/experiments.md"])
def test_every_path_that_a_guide_names_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    quoted = re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:py|md|toml|txt))`", prose(text))
    commands = [word for block in blocks(text) for line in block.splitlines()[1:-1] for word in shlex.split(line, True)]
    in_commands = [word for word in commands if re.match(r"(tests|benchmarks|docs|app|cbam_core)/", word)]
    named = [word for word in [*quoted, *in_commands] if not NAMES_NO_FILE.search(word)]
    assert named
    missing = [word for word in named if not (ROOT / word).exists() and word not in {"__init__.py", "page.py"}]
    assert missing == []


def test_every_make_target_that_a_document_names_exists():
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)[^`]*`|^(?:\w+=\S+ )?make ([a-z]+)", text, re.MULTILINE)
        assert {one or other for one, other in named} <= targets, path


@cache
def command_line():
    return get_command(cbam)


def commands(text):
    """What follows ``cbam`` in code blocks and in code of sentences."""
    for block in re.findall(r"^ *```.*?^ *```", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^ *(?:.* -m cbam_core|(?:srun .*)?cbam) (.+)$", block, re.MULTILINE)
    yield from re.findall(r"`cbam ([a-z][^`]*)`", prose(text).replace("\n", " "))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_their_options_exist(path):
    whole = command_line()
    for line in commands(path.read_text(encoding="utf-8")):
        words, command = shlex.split(line, comments=True), whole
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {"--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}
        assert [word for word in words if word.startswith("-") and word not in known] == [], line


def test_commands_without_make_install_what_make_installs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install -r requirements.txt -e ." in text
    assert "pip install -r requirements-dev.txt -c requirements.txt" in text


def test_the_table_of_usual_gates_is_that_of_the_shipped_files():
    text = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if re.match(r"\| `(cbam|stage)\d", row)]
    gates = [gate for name in ("cbam_cnn_cifar10", "cbam_resnet_cifar10") for gate in load_classifier(name).usual.gates]
    expected = []
    for gate in gates:
        shares = " | ".join(f"{share:.0%}" for share in (gate.shares.fixed, gate.shares.gain, gate.shares.pattern))
        expected.append(f"| `{gate.name}` | {gate.level:.2f} | {shares} | {gate.sentence} |")
    assert [row.replace(" %", "%") for row in rows] == [row.replace(" %", "%") for row in expected]


def test_the_scorecard_is_that_of_the_shipped_file():
    score = read_score(ROOT / "checkpoints" / "cbam_cnn_cifar10.score.npz")
    points = {(row.gate, row.edit): row.change.points for row in (*score.rows, *score.direct, *score.random)}
    columns = ("usual", "best", "own_mean", "other", "same_class", "off", "direct", "random")
    cells = [[points.get((gate, edit)) for edit in columns] for gate in dict.fromkeys(gate for gate, _ in points)]
    expected = [["" if cell is None else f"{cell:+.2f}".replace("+0.00", "0.00") for cell in row] for row in cells]
    table = (ROOT / "docs" / "evidence.md").read_text("utf-8").split("| own mean | other |", 1)[1].split("\n\n")[0]
    rows = re.findall(r"^\| `[\w.]+` \|(.+)\|$", table.replace("−", "-"), re.MULTILINE)
    assert [[cell.strip() for cell in row.split("|")] for row in rows] == expected
