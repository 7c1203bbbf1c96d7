"""Reads a Dockerfile into its instructions.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

KEYWORDS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"),
        *("LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"),
        "WORKDIR",
    )
)
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(\S+)\s*", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)[A-Za-z_]\w*\1")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class DockerfileError(ValueError):
    """The message is a sentence that begins with the line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"Dockerfile line {line}: {reason}")
        self.line = line


@dataclass(frozen=True)
class Instruction:
    """One instruction. `line` is where it begins, from 1; `flags` are those before its value.

    `value` is the rest of it, on one line. `words` is the JSON (exec) form, None if it has none.
    """

    line: int
    keyword: str
    value: str
    flags: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] | None = None

    def flag(self, name: str) -> str | None:
        return dict(self.flags).get(name)

    def __str__(self) -> str:
        flags = "".join(f"--{name}={value} " for name, value in self.flags)
        return f"{self.keyword} {flags}{self.value}"


def parse(text: str) -> list[Instruction]:
    """The instructions in order. Raises DockerfileError."""
    lines = text.removeprefix("\ufeff").split("\n")
    escape = _escape_character(lines)
    found: list[Instruction] = []
    number = 0
    while number < len(lines):
        first = number
        line = lines[number].rstrip("\r").lstrip()
        number += 1
        if not line.strip() or line.startswith("#"):
            continue
        joined = ""
        while True:
            stripped = line.rstrip()
            if not stripped.endswith(escape):
                joined += line
                break
            joined += stripped[:-1]
            # Comments and empty lines between continued lines are no part of the instruction.
            while number < len(lines) and _skipped(lines[number]):
                number += 1
            if number == len(lines):
                break
            line = lines[number].rstrip("\r")
            number += 1
        found.append(_instruction(first + 1, joined.strip()))
    if not any(each.keyword == "FROM" for each in found):
        raise DockerfileError(max(len(lines), 1), "there is no FROM, so there is no base image.")
    for each in found:
        if each.keyword == "FROM":
            break
        if each.keyword != "ARG":
            raise DockerfileError(each.line, f"{each.keyword} before FROM: only ARG may be there.")
    return found


def _skipped(line: str) -> bool:
    line = line.strip()
    return not line or line.startswith("#")


def _escape_character(lines: list[str]) -> str:
    """Parser directives are comments at the very top."""
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            if match[2] not in ("\\", "`"):
                raise DockerfileError(1, f"escape={match[2]}: it is either \\ or `.")
            return match[2]
    return "\\"


def _instruction(line: int, text: str) -> Instruction:
    name, *rest = text.split(None, 1) or [""]
    keyword, value = name.upper(), "".join(rest)
    if keyword not in KEYWORDS:
        raise DockerfileError(line, f"'{name}' is no instruction of a Dockerfile.")
    flags = []
    while keyword in ("ADD", "COPY", "FROM", "HEALTHCHECK", "RUN") and (
        match := _FLAG.match(value)
    ):
        flags.append((match[1], match[2] or ""))
        value = value[match.end() :]
    if not value:
        raise DockerfileError(line, f"{keyword} needs a value.")
    if keyword in ("RUN", "COPY", "ADD") and _HEREDOC.search(value):
        raise DockerfileError(line, f"{keyword} with a here-document is not understood here.")
    return Instruction(line, keyword, value, tuple(flags), _json_words(value))


def _json_words(value: str) -> tuple[str, ...] | None:
    """The exec form. What looks like it and is no list of strings is the shell form, as Docker
    has it."""
    if not value.startswith("["):
        return None
    try:
        words = json.loads(value)
    except ValueError:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return tuple(words)


def split_words(value: str, line: int = 0) -> list[str]:
    """Words apart, with quotes and backslashes left in, for `substitute` to take out.

    Raises DockerfileError for a quote that is not closed.
    """
    words, word, quote, at = [], "", "", 0
    started = False
    while at < len(value):
        character = value[at]
        if character == "\\" and quote != "'" and at + 1 < len(value):
            word, started, at = word + value[at : at + 2], True, at + 2
            continue
        if quote:
            quote = "" if character == quote else quote
            word += character
        elif character in "'\"":
            quote, started = character, True
            word += character
        elif character.isspace():
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + character, True
        at += 1
    if quote:
        raise DockerfileError(line, f"the quote {quote} is not closed.")
    if started:
        words.append(word)
    return words


def pairs(instruction: Instruction) -> list[tuple[str, str]]:
    """`NAME=value NAME="value"...` of ENV and LABEL, or the older `NAME value`; values as they
    are written. Raises DockerfileError."""
    line, value = instruction.line, instruction.value
    words = split_words(value, line)
    if "=" not in words[0]:
        rest = value[len(words[0]) :].strip()
        if not rest:
            raise DockerfileError(line, f"{instruction.keyword} {words[0]} has no value.")
        return [(words[0], rest)]
    found = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise DockerfileError(
                line, f"{instruction.keyword}: '{word}' is not of the form NAME=value."
            )
        found.append((name.strip("'\""), text))
    return found


def substitute(
    text: str, variables: Mapping[str, str], line: int = 0, *, unquote: bool = True
) -> str:
    """`$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`, with quotes taken out.

    https://docs.docker.com/reference/dockerfile/#environment-replacement
    With `unquote` False, quotes and backslashes are kept for a shell. Raises DockerfileError.
    """
    result, quote, at = "", "", 0
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'" and at + 1 < len(text):
            following = text[at + 1]
            plain = unquote and (quote != '"' or following in '"$\\')
            result += following if plain else text[at : at + 2]
            at += 2
        elif character in "'\"" and quote in ("", character):
            quote = "" if quote else character
            result += "" if unquote else character
            at += 1
        elif character == "$" and quote != "'":
            value, at = _variable(text, at, variables, line)
            result += value
        else:
            result += character
            at += 1
    return result


def _variable(text: str, at: int, variables: Mapping[str, str], line: int) -> tuple[str, int]:
    """The value of the variable at `at`, and where the text goes on."""
    if match := _NAME.match(text, at + 1):
        return variables.get(match[0], ""), match.end()
    if not text.startswith("${", at):
        return "$", at + 1
    match = _NAME.match(text, at + 2)
    end = _closing(text, at + 2)
    if match is None or end is None:
        raise DockerfileError(line, f"'{text[at:]}' is no variable: write ${{NAME}}.")
    value, rest = variables.get(match[0]), text[match.end() : end]
    if not rest:
        return value or "", end + 1
    operator = rest[:2] if rest.startswith(":") else rest[:1]
    # With a colon, a variable that is empty counts as one that is not set.
    there = bool(value) if operator.startswith(":") else value is not None
    other = rest[len(operator) :]
    match operator.removeprefix(":"):
        case "-":
            return (value or "") if there else substitute(other, variables, line), end + 1
        case "+":
            return substitute(other, variables, line) if there else "", end + 1
        case "?" if there:
            return value or "", end + 1
        case "?":
            raise DockerfileError(line, f"{match[0]} is not set: {other or 'it must be'}.")
    raise DockerfileError(
        line, f"'${{{text[at + 2 : end]}}}': of the forms of a variable, :- and :+ are understood."
    )


def _closing(text: str, at: int) -> int | None:
    depth = 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text.startswith("${", at):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None
