"""Reading Dockerfiles, and what .dockerignore leaves out."""

from __future__ import annotations

import io
import json
import os
import posixpath
import shlex
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.containers.build_context import (
    context_paths,
    ignored,
    inside,
    parse_ignore_file,
    read_ignore_file,
    write_tar,
)
from emulator.containers.dockerfile import (
    KEYWORDS,
    DockerfileError,
    Instruction,
    pairs,
    parse,
    split_words,
    substitute,
)
from emulator.services.container_registry.sources import unpack


def one(text: str) -> Instruction:
    return parse(f"FROM python:3.11\n{text}")[1]


def test_instructions_keep_their_order_and_lines() -> None:
    text = """\
# syntax=docker/dockerfile:1

ARG BASE_IMAGE=python:3.11-slim
from ${BASE_IMAGE}
  # indented comment
RUN pip install \\
    # a comment within
    fastapi \\

    uvicorn
CMD ["uvicorn", "main:app"]
"""
    found = parse(text)
    assert [(each.line, each.keyword) for each in found] == [
        (3, "ARG"),
        (4, "FROM"),
        (6, "RUN"),
        (11, "CMD"),
    ]
    assert found[2].value.split() == ["pip", "install", "fastapi", "uvicorn"]
    assert found[3].words == ("uvicorn", "main:app")
    assert found[2].words is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('CMD ["a", "b c"]', ("a", "b c")),
        ("CMD []", ()),
        ("CMD ['a', 'b']", None),
        ('CMD ["a", 1]', None),
        ("CMD exec a [b]", None),
        ('ENTRYPOINT [ "sh" , "-c" ]', ("sh", "-c")),
        ('COPY ["with space.txt", "/app/"]', ("with space.txt", "/app/")),
    ],
)
def test_the_exec_form_is_a_json_list_of_strings(line: str, words: tuple[str, ...] | None) -> None:
    assert one(line).words == words


def test_flags_are_apart_from_the_value() -> None:
    copy = one("COPY --chown=app:app --chmod=755 a.txt b/ /app/")
    assert copy.flags == (("chown", "app:app"), ("chmod", "755"))
    assert copy.value == "a.txt b/ /app/"
    check = one("HEALTHCHECK --interval=5s CMD curl --fail http://localhost/")
    assert check.flags == (("interval", "5s"),)
    assert check.value == "CMD curl --fail http://localhost/"
    assert one("CMD --not=a-flag").flags == ()


def test_the_escape_directive_changes_what_continues_a_line() -> None:
    found = parse("# escape=`\nFROM python:3.11\nRUN a `\n  b\\")
    assert found[1].value.split() == ["a", "b\\"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no FROM"),
        ("# only a comment\n", 2, "no FROM"),
        ("FROM python:3.11\nFLY away", 2, "'FLY' is no instruction"),
        ("FROM python:3.11\n\nCOPY", 3, "COPY needs a value"),
        ("RUN true\nFROM python:3.11", 1, "only ARG"),
        ("FROM python:3.11\nRUN <<EOF\necho\nEOF", 2, "here-document"),
        ("# escape=x\nFROM python:3.11", 1, "escape=x"),
    ],
)
def test_errors_name_the_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DockerfileError, match=rf"^Dockerfile line {line}: ") as error:
        parse(text)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "one"),
        ("${A}", "one"),
        ("pre${A}post", "preonepost"),
        ("$AB", ""),
        ("${A:-x}", "one"),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${A:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${NONE:-${A}}", "one"),
        (r"\$A", "$A"),
        ("'$A'", "$A"),
        ('"$A b"', "one b"),
        (r'"\$A \"quoted\""', '$A "quoted"'),
        ("5$", "5$"),
        ("$5", "$5"),
    ],
)
def test_variables_are_filled_in_as_docker_does(text: str, expected: str) -> None:
    assert substitute(text, {"A": "one", "EMPTY": ""}) == expected


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${A%x}", "${NONE:?must be}"])
def test_variables_that_are_none(text: str) -> None:
    with pytest.raises(DockerfileError, match=r"^Dockerfile line 7: "):
        substitute(text, {"A": "one"}, 7)


def test_a_shells_quotes_are_kept_for_it() -> None:
    assert substitute("echo '$A' \"$A\" \\$A", {"A": "1"}, unquote=False) == "echo '$A' \"1\" \\$A"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENV A=1 B=two", [("A", "1"), ("B", "two")]),
        ('ENV A="one two" B=three\\ four', [("A", '"one two"'), ("B", "three\\ four")]),
        ("ENV A one two", [("A", "one two")]),
        ("ENV A=", [("A", "")]),
        ('LABEL "com.example"="x=y"', [("com.example", '"x=y"')]),
    ],
)
def test_pairs(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(one(text)) == expected


@pytest.mark.parametrize("text", ["ENV A", "ENV A=1 B", "LABEL =x"])
def test_pairs_that_are_none(text: str) -> None:
    with pytest.raises(DockerfileError, match=r"^Dockerfile line 2: "):
        pairs(one(text))


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    refused, found = 0, []
    try:
        found = parse(text)
    except DockerfileError as error:
        refused = error.line
    assert (1 <= refused <= text.count("\n") + 1) is not bool(found)
    lines = [each.line for each in found]
    assert lines == sorted(set(lines))
    assert all(each.keyword in KEYWORDS and each.value for each in found)


words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=6))
def test_the_exec_form_survives_as_it_was(argv: list[str]) -> None:
    assert one(f"CMD {json.dumps(argv)}").words == tuple(argv)


@given(st.lists(words.filter(lambda word: not word.isspace()), min_size=1, max_size=6))
def test_quoted_words_come_apart_as_in_a_shell(argv: list[str]) -> None:
    line = " ".join("'" + word.replace("'", "") + "x'" for word in argv)
    found = [substitute(word, {"A": "1"}) for word in split_words(line)]
    assert found == shlex.split(line)


@given(
    st.lists(
        st.tuples(st.sampled_from(["RUN", "CMD", "ENV", "COPY"]), st.integers(0, 3), words),
        max_size=8,
    )
)
def test_continued_lines_are_one_instruction(
    parts: list[tuple[str, int, str]],
) -> None:
    text, expected, line = "FROM python:3.11\n", [("FROM", 1)], 2
    for keyword, continued, word in parts:
        safe = "w" + "".join(character for character in word if character.isalnum())
        text += f"{keyword} {safe}=" + " \\\n x" * continued + "\n"
        expected.append((keyword, line))
        line += continued + 1
    found = parse(text)
    assert [(each.keyword, each.line) for each in found] == expected
    assert [each.value.count(" x") for each in found[1:]] == [part[1] for part in parts]


# .dockerignore


@pytest.mark.parametrize(
    ("rules", "left_out", "kept"),
    [
        ("*.txt", ["a.txt"], ["folder/a.txt", "a.py"]),
        ("**/*.txt", ["a.txt", "folder/a.txt", "a/b/c.txt"], ["a.py"]),
        ("folder", ["folder", "folder/a", "folder/b/c"], ["other", "folders"]),
        ("/folder/", ["folder/a"], ["x/folder/a"]),
        ("*/temp*", ["a/temp", "a/temporary.txt"], ["temp", "a/b/temp"]),
        ("temp?", ["tempa"], ["temp", "tempab"]),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("!README.md\n*.md", ["README.md"], ["a.py"]),
        ("folder\n!folder/kept", ["folder/a"], ["folder/kept", "folder/kept/x"]),
        ("# *.txt\n\n  *.py  ", ["a.py"], ["a.txt"]),
        ("[a-c].txt", ["a.txt", "c.txt"], ["d.txt", "-.txt"]),
        ("**", ["a", "a/b"], []),
        ("a/../b", ["b"], ["a"]),
        ("**/__pycache__", ["__pycache__/x", "a/b/__pycache__/x.pyc"], ["a/b"]),
    ],
)
def test_dockerignore(rules: str, left_out: list[str], kept: list[str]) -> None:
    parsed = parse_ignore_file(rules)
    assert [path for path in left_out if not ignored(path, parsed)] == []
    assert [path for path in kept if ignored(path, parsed)] == []


@given(st.text(max_size=60), st.lists(words, min_size=1, max_size=4))
def test_any_rules_answer_for_any_path(text: str, parts: list[str]) -> None:
    path = "/".join(part.replace("/", "x") for part in parts)
    assert ignored(path, parse_ignore_file(text)) in (True, False)
    assert ignored(path, parse_ignore_file("**"))


def test_the_tar_holds_what_is_kept_and_nothing_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    context = tmp_path / "context"
    for name in ("Dockerfile", ".dockerignore", "a.py", "b.txt", "folder/c.py", "cache/d.py"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text("*.txt\ncache\nDockerfile\n")
    (context / "link").symlink_to("../secret")
    (context / "folder-link").symlink_to("..")
    output = io.BytesIO()
    write_tar(context, "Dockerfile", output)
    output.seek(0)
    with tarfile.open(fileobj=output) as tar:
        names = tar.getnames()
        assert all((each.uid, each.gid) == (0, 0) for each in tar)
        # As Docker sends them: a link is a link, and leads nowhere but within the container.
        assert tar.getmember("link").issym()
        assert tar.getmember("folder-link").issym()
    assert set(names) == {
        *("Dockerfile", ".dockerignore", "a.py", "folder", "folder/c.py", "link", "folder-link"),
    }
    assert not any(posixpath.isabs(name) or ".." in name.split("/") for name in names)


def test_any_user_of_the_image_may_enter_its_folders(tmp_path: Path) -> None:
    """Local Azure closes to others what it writes, and so what it unpacks."""
    sent = io.BytesIO()
    with tarfile.open(fileobj=sent, mode="w") as tar:
        for name, kind, mode in (
            ("app", tarfile.DIRTYPE, 0o755),
            ("app/run.sh", tarfile.REGTYPE, 0o755),
            ("app/model/weights", tarfile.REGTYPE, 0o644),  # in a folder that is not sent
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            tar.addfile(info)
    (tmp_path / "sent.tar").write_bytes(sent.getvalue())
    before = os.umask(0o077)
    try:
        unpack(tmp_path / "sent.tar", tmp_path / "context")
        (tmp_path / "context" / "Dockerfile").touch()
    finally:
        os.umask(before)
    output = io.BytesIO()
    write_tar(tmp_path / "context", "Dockerfile", output)
    output.seek(0)
    with tarfile.open(fileobj=output) as tar:
        modes = {each.name: each.mode & 0o777 for each in tar}
    assert modes["app"] == modes["app/model"] == modes["app/run.sh"] == 0o755
    assert modes["app/model/weights"] == 0o644


def test_a_dockerfile_of_its_own_may_have_rules_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a")
    (tmp_path / "other.Dockerfile.dockerignore").write_text("b")
    for name in ("a", "b"):
        (tmp_path / name).touch()
    rules = read_ignore_file(tmp_path, "other.Dockerfile")
    assert "a" in context_paths(tmp_path, rules)
    assert "b" not in context_paths(tmp_path, rules)


def test_a_dockerfile_must_be_within_the_context(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    with pytest.raises(ValueError, match="outside of the build context"):
        inside(tmp_path / "context", "../Dockerfile")
