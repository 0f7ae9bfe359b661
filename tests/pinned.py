"""Requirements of the project and the versions of them that are pinned."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def requirements(lines):
    """Packages of others by their names; extras of this project include each other."""
    parsed = map(Requirement, lines)
    return {one.name: one.specifier for one in parsed if one.name != PROJECT["name"]}


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
