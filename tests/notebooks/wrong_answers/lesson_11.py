"""Wrong answers to the exercises of lesson 11."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "11",
        "slip",
        {
            "culprit, bad_line = 'day-07.csv', 18": "only in the same mini-batch",
            "culprit, bad_line = 'error.txt', 1": "such as 'day-01.csv'",
            "culprit, bad_line = 'day-08.csv', 17": "counts from 1",
            "culprit, bad_line = 'day-08.csv', 16": "counts from 1",
            "culprit, bad_line = 'day-08.csv', 3": "Every number in that line",
            "culprit, bad_line = 'day-08.csv', 'O'": "a whole number",
        },
    ),
    Answers(
        "11",
        "translate",
        {
            "translate = {'input_data': []}": "a function",
            "def translate(old): return {'input_data': old['data']}": "should be {'input_data'",
            "def translate(old): return {'inputs': old['data']}": "should be {'input_data'",
            """
import json

def translate(old):
    return json.dumps({"input_data": old["data"]})
""": "Return the dict",
            """
def translate(old):
    return {"input_data": {"columns": columns, "data": old["data"]}}
""": "'columns', 'data'",
            """
def translate(old):
    index = list(range(len(old["data"])))
    return {"input_data": {"columns": columns, "index": index, "data": old["data"]}}
""": "width of a row is 8",
            """
def translate(old):
    rows = np.array(old["data"]).reshape(-1, 64)
    return {"input_data": {"columns": columns, "index": list(range(len(rows))), "data": rows}}
""": "'ndarray'",
            """
def translate(old):
    rows = np.array(old["data"]).reshape(-1, 64).tolist()
    return {"input_data": {"columns": columns, "index": [0], "data": rows}}
""": "40 digits came in",
            # Column by column.
            """
def translate(old):
    rows = np.array(old["data"]).transpose(0, 2, 1).reshape(-1, 64).tolist()
    table = {"columns": columns, "index": list(range(len(rows))), "data": rows}
    return {"input_data": table}
""": "not where they belong",
            """
def translate(old):
    rows = np.array(old["data"]).reshape(-1, 64).tolist()
    names = [str(number) for number in range(64)]
    return {"input_data": {"columns": names, "index": list(range(len(rows))), "data": rows}}
""": "named as in the signature",
            """
def translate(old):
    rows = np.array(old["data"]).reshape(-1, 64).tolist()
    return {"input_data": {"columns": columns, "index": list(range(40)), "data": rows}}
""": "40 digits only",
        },
    ),
    Answers(
        "11",
        "cheaper_from",
        {
            "cheaper_from = 72": "the work alone",
            "cheaper_from = 73": "the work alone",
            "cheaper_from = 53": "come whole",
            "cheaper_from = 24 * 60 / 27": "come whole",
            "cheaper_from = 24": "how many minutes",
            "cheaper_from = 'never'": "a number of jobs",
        },
    ),
]
