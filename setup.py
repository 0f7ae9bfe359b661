"""Build the wheel with the web app and the trained networks inside ``cbam_core``, in the folder ``_bundle``.

All else is in ``pyproject.toml``. An editable install takes both from the repository.
"""

import shutil
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


setup(cmdclass={"build_py": BuildWithBundle})
