"""Build the wheel with the web app and the trained networks inside ``cbam_core``, in the folder ``_bundle``.

An editable install takes both from the repository. The description of the package is ``README.md``, whose pictures and
links begin with the address of the project, because a page of a package index has no files beside it. All else is in
``pyproject.toml``.
"""

import re
import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BUNDLED = ("app", "checkpoints")
LEFT_OUT = ("__pycache__", "*.pyc", ".*", "ruff.toml")


class BuildWithBundle(build_py):
    """Build the package, then copy what an installed one has no repository for."""

    def run(self) -> None:
        """Build into an empty folder: setuptools would pack what an earlier build left there."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            bundle = Path(self.build_lib) / "cbam_core" / "_bundle"
            for name in BUNDLED:
                shutil.copytree(name, bundle / name, ignore=shutil.ignore_patterns(*LEFT_OUT))


def described(text: str, address: str | None) -> str:
    """Have the pictures and links of a Markdown text begin with an address; without one, return it as it is.

    Args:
        text: pictures and links are relative to the root of the repository.
        address: where the repository is shown, such as ``https://example.org/name/cbam-lens``.
    """
    if address is None:
        return text
    raw, shown = (f"{address.rstrip('/')}/{way}/HEAD/" for way in ("raw", "blob"))
    text = re.sub(r"(!\[[^\]]*\]\()(?!\w+:|#)", lambda found: found[1] + raw, text)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!\w+:|#)", lambda found: found[1] + shown, text)


def main() -> None:
    """Hand on what ``pyproject.toml`` does not say."""
    root = Path(__file__).parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        cmdclass={"build_py": BuildWithBundle},
        long_description=described((root / "README.md").read_text(encoding="utf-8"), project["urls"].get("Source")),
        long_description_content_type="text/markdown",
    )


if __name__ == "__main__":
    main()
