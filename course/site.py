"""`course site`: the lessons and documents as one static site (docs/conf.py says what is in it)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from course.lessons import BUILD, ROOT

SITE = BUILD / "site"
LINKS = BUILD / "links"


def build(target: Path = SITE) -> bool:
    """Build the site anew in `target`. Return whether Sphinx gave no warning."""
    return _sphinx("html", target)


def check_links(target: Path = LINKS) -> bool:
    """Request every page that the site links to; needs the internet.

    The findings are in `target`/output.txt. Return whether every link leads somewhere.
    """
    return _sphinx("linkcheck", target)


def _sphinx(builder: str, target: Path) -> bool:
    shutil.rmtree(target, ignore_errors=True)
    # The pages' intermediate form is kept beside the site, not in it.
    doctrees = target.parent / f"{target.name}-doctrees"
    command = [sys.executable, "-m", "sphinx", "--builder", builder]
    command += ["--fresh-env", "--quiet", "--fail-on-warning", "--keep-going", "--nitpicky"]
    command += ["--conf-dir", str(ROOT / "docs"), "--doctree-dir", str(doctrees)]
    done = subprocess.run([*command, str(ROOT), str(target)], cwd=ROOT, check=False)
    return done.returncode == 0
