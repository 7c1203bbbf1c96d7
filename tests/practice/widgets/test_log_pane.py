"""A log in a pane: whole, numbered, shortened in nothing but folders."""

import html
import re

import pytest

from practice.widgets.log_pane import LogPane

LOG = """2026-11-28 08:44:50,781 E [5187] azmlinfsrv - <init> failed
  File "/home/ada/azure/deployments/trial-1/score.py", line 74, in model_file
KeyError: 'AZUREML_MODEL_DIRECTORY'
"""


def test_every_line_is_there_with_its_number() -> None:
    assert repr(LogPane(LOG)).splitlines() == [
        "1  2026-11-28 08:44:50,781 E [5187] azmlinfsrv - <init> failed",
        '2    File ".../score.py", line 74, in model_file',
        "3  KeyError: 'AZUREML_MODEL_DIRECTORY'",
    ]


def test_as_html_it_says_the_same() -> None:
    pane = LogPane(LOG)
    inside = re.sub(r"<[^<>]+>", "", pane._repr_html_())
    assert html.unescape(inside) == repr(pane)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Entry Script Name: /var/azureml-app/trial/score.py", "Entry Script Name: .../score.py"),
        (r"in C:\Users\ada\azure\score.py", "in .../score.py"),
        ("Listening at: http://127.0.0.1:5001/a/b/score", None),
        ("Score:          POST  127.0.0.1:5001/score", None),
        ("Downloading models/digits/versions/1 from store/x/digits", None),
        ('"POST /score HTTP/1.1" 200', None),
    ],
)
def test_only_folders_are_shortened(line: str, shown: str | None) -> None:
    assert LogPane(line).lines == [shown or line]
