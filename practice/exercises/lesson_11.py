"""Exercises of lesson 11: a model without a script, and a batch endpoint.

The archive that the lesson scores is written here, with its slip.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import requests
from azure.ai.ml import MLClient
from sklearn.datasets import load_digits

from practice.exercises.checks import Verdict, exercise, right, wrong
from practice.facts import fact

TRAINED = 1297  # digits that the lesson trains with; the archive has those after them
A_DAY = 25
DAYS = 20
SLIP_DAY, SLIP_LINE = 8, 18  # a line as an editor counts: 1 is the one with the names
STARTING = 5  # minutes until a node works: the lesson's own estimate
WORK = 20  # minutes of one job in the exercise
FORM = "It should be {'input_data': {'columns': ..., 'index': ..., 'data': ...}}."


def write_archive(folder: Path) -> None:
    """Write 20 files of 25 digits, day-01.csv to day-20.csv. In one, a zero is a letter."""
    digits = load_digits()
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(1, DAYS + 1):
        start = TRAINED + A_DAY * (day - 1)
        rows = [[f"{pixel:.0f}" for pixel in row] for row in digits.data[start : start + A_DAY]]
        if day == SLIP_DAY:
            row = rows[SLIP_LINE - 2]
            row[row.index("0", 30)] = "O"
        with (folder / f"day-{day:02}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([digits.feature_names, *rows])


@exercise(
    "Each line of the log names the file that run() stumbled over, and the text that is no number.",
    "Look for that text in the file: "
    "[n for n, text in enumerate((archive / culprit).read_text().splitlines(), start=1) ...]",
    solution="""
    culprit = "day-08.csv"
    lines = (archive / culprit).read_text().splitlines()
    (bad_line,) = [number for number, text in enumerate(lines, start=1) if "O" in text.split(",")]
    """,
)
def slip(archive: Path, culprit: object, bad_line: object) -> Verdict:
    """The name of the file that cannot be read, and the number of the line with the slip."""
    names = sorted(file.name for file in archive.glob("*.csv"))
    if culprit not in names:
        return wrong("culprit", culprit, f"It should be a file's name, such as {names[0]!r}.")
    bad = _unreadable_lines(archive / str(culprit))
    if not bad:
        return wrong(
            "culprit",
            culprit,
            "Every number in that file can be read. If its digits are missing, it was only in the "
            "same mini-batch as the culprit. Which file does the log name?",
        )
    if isinstance(bad_line, bool) or not isinstance(bad_line, int):
        return wrong("bad_line", bad_line, "It should be the number of a line, a whole number.")
    if bad_line in (bad[0] - 1, bad[0] - 2):
        return wrong(
            "bad_line",
            bad_line,
            "Close. An editor counts from 1, and the line with the columns' names counts too.",
        )
    if bad_line not in bad:
        return wrong("bad_line", bad_line, "Every number in that line can be read.")
    return right(f"In line {bad_line} of {culprit}, a capital O stands where a zero belongs.")


def _unreadable_lines(file: Path) -> list[int]:
    """Return the numbers, from 1, of the lines below the first in which not all is a number."""
    rows = file.read_text().splitlines()[1:]
    return [number for number, row in enumerate(rows, start=2) if not _is_read(row)]


def _is_read(row: str) -> bool:
    try:
        [float(value) for value in row.split(",")]
    except ValueError:
        return False
    return True


@exercise(
    "The old body has digits of 8 rows with 8 pixels. The signature wants rows of 64.",
    "np.array(old['data']).reshape(-1, 64) has one row for each digit, pixel by pixel.",
    "The three keys inside input_data are columns, index and data. JSON knows no NumPy arrays: "
    ".tolist() makes plain lists.",
    solution="""
    import numpy as np

    def translate(old):
        rows = np.array(old["data"]).reshape(-1, 64).tolist()
        table = {"columns": columns, "index": list(range(len(rows))), "data": rows}
        return {"input_data": table}
    """,
)
def translate(ml_client: MLClient, endpoint_name: str, function: object) -> Verdict:
    """A function from the body that score.py took to one that the MLflow model takes."""
    if not callable(function):
        return wrong("translate", function, "It should be a function: def translate(old).")
    images = load_digits().images[100:140]
    body = function({"data": images.tolist()})
    if isinstance(body, str):
        return wrong("The type of translate(...)", "str", "Return the dict: requests encodes it.")
    if not isinstance(body, dict) or not isinstance(body.get("input_data"), dict):
        return wrong("translate(...)", body, FORM)
    table = body["input_data"]
    if set(table) != {"columns", "index", "data"}:
        return wrong("The keys of input_data", sorted(table), FORM)
    if (problem := _problem_with(table, len(images))) is not None:
        return problem
    return _answers_as_before(ml_client, endpoint_name, function, body)


def _problem_with(table: dict[str, Any], count: int) -> Verdict | None:
    """Return what is wrong with a table of `count` digits in pandas' split orientation."""
    columns, index, data = (table[key] for key in ("columns", "index", "data"))
    if not all(isinstance(each, list) for each in (columns, index, data)):
        types = {key: type(value).__name__ for key, value in table.items()}
        return wrong("The types in input_data", types, "JSON has plain lists: use .tolist().")
    if len(data) != count or len(index) != count:
        return wrong(
            "The number of rows",
            {"index": len(index), "data": len(data)},
            f"{count} digits came in, so each should have {count}.",
        )
    width = len(data[0]) if isinstance(data[0], list) else 1
    if width != len(columns):
        return wrong(
            "The width of a row", width, f"There are {len(columns)} columns: one value for each."
        )
    return None


def _answers_as_before(
    ml_client: MLClient, endpoint_name: str, function: Callable[[Any], Any], body: Any
) -> Verdict:
    """Send the body, and say whether the digits come back that were sent."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(endpoint.scoring_uri, json=body, headers=headers, timeout=60)
    if answer.status_code != 200:
        return wrong(
            "The endpoint's status",
            answer.status_code,
            "It refuses the translated body. Are the columns named as in the signature?",
        )
    targets = load_digits().target[100:140]
    correct = int(np.sum(np.array(answer.json()) == targets))
    if correct < 0.9 * len(targets):
        return wrong(
            f"The number of digits read right, of {len(targets)},",
            correct,
            "The form is right and the pixels are not where they belong: row by row, left to "
            "right, as in columns.",
        )
    if function({"data": load_digits().images[:1].tolist()})["input_data"]["index"] != [0]:
        return wrong("translate(...)", "for 40 digits only", "Old clients send one digit, too.")
    return right(f"Old clients can stay as they are: {correct} of {len(targets)} read right.")


@exercise(
    "How many minutes does Azure bill for one job? The work is not all of it.",
    "A day has 24 * 60 minutes. Divide, and round up: the endpoint must be the cheaper one.",
    solution="""
    import math

    minutes = starting + 20 + idle
    cheaper_from = math.floor(24 * 60 / minutes) + 1
    """,
)
def cheaper_from(answer: object) -> Verdict:
    """The jobs a day, of 20 minutes of work, from which one machine that always runs is cheaper."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        return wrong("cheaper_from", answer, "It should be a number of jobs a day.")
    idle = fact("compute_clusters.idle_seconds").value / 60
    minutes = STARTING + WORK + idle
    exact = 24 * 60 / minutes
    expected = int(exact) + 1
    if answer == expected:
        return right(
            f"{expected} jobs are {expected * minutes / 60:.1f} billed hours a day, {expected - 1} "
            f"are {(expected - 1) * minutes / 60:.1f}. The price cancels out: both bill the same "
            "machine."
        )
    if int(answer) in (24 * 60 // WORK, 24 * 60 // WORK + 1):
        return wrong(
            "cheaper_from", answer, "You counted the work alone. A node is billed before and after."
        )
    if abs(answer - exact) < 1:
        return wrong(
            "cheaper_from",
            answer,
            "Very close. Jobs come whole: what is the first number at which the endpoint is "
            "cheaper?",
        )
    return wrong("cheaper_from", answer, "For how many minutes is a node billed for one job?")
