"""The static site: every lesson as it was last run, and these documents.

    course site     builds it into build/site; a warning is an error

Its source folder is the repository, so that the lessons' links to pictures, to each other and to
files mean the same on the site as they do in JupyterLab.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent

project = "Deploying Models on Azure"
language = "en"
extensions = ["myst_nb"]
root_doc = "docs/index"

include_patterns = ["docs/*.md", "notebooks/[0-9][0-9]*.ipynb"]
# Folders that are left out here are not walked through either.
exclude_patterns = [
    "notebooks/src",
    *(path.name for path in ROOT.iterdir() if path.name not in {"docs", "notebooks"}),
]

# Lessons are shown with their stored outputs. A widget has a text beside it, which is what a page
# without a kernel can show.
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_merge_streams = True
myst_heading_anchors = 4

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_repository_button": False,
    "use_fullscreen_button": True,
    "use_download_button": True,
    "navigation_with_keys": False,
    "footer_content_items": [],
    # The sidebar has the search; without this it is in a bar above the page as well.
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
}
html_context = {"default_mode": "auto"}

linkcheck_timeout = 30
linkcheck_retries = 2
linkcheck_workers = 4
# Addresses that only exist while a lesson or the emulator runs.
linkcheck_ignore = [r"https?://(127\.0\.0\.1|localhost)\b"]


def describe_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Give each figure the description in its output's metadata, which MyST-NB leaves out."""
    file = Path(app.env.doc2path(app.env.docname))
    if file.suffix != ".ipynb":
        return
    descriptions = {}
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if picture := output.get("data", {}).get("image/png"):
                # MyST-NB names the file of a picture by what is in it.
                name = hashlib.sha256(base64.b64decode("".join(picture))).hexdigest()
                descriptions[name] = output["metadata"].get("image/png", {}).get("alt", "")
    for image in doctree.findall(nodes.image):
        if description := descriptions.get(Path(image["uri"]).stem):
            image["alt"] = description


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", describe_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
