"""The tests themselves: none can pass without having asserted, and each is in the room it tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
CHECKS = {"raises", "warns", "fail", "expect"}  # pytest's, and Playwright's
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def asserts(
    statements: Iterable[ast.stmt], helpers: set[str], filled: frozenset[str] = frozenset()
) -> bool:
    """Whether running the statements is bound to reach an assertion.

    One in a branch counts if the other branch has one too, one in a loop if the loop's own text
    shows that it has a round. `helpers` are the names of functions that assert, `filled` those of
    variables that hold at least one item.
    """
    for statement in statements:
        if _asserts(statement, helpers, filled):
            return True
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                filled = filled | {name} if _is_never_empty(value, filled) else filled - {name}
    return False


def _asserts(statement: ast.stmt, helpers: set[str], filled: frozenset[str]) -> bool:
    match statement:
        case ast.Assert():
            return True
        case ast.With() | ast.AsyncWith():
            opened = [item.context_expr for item in statement.items]
            return _call(opened, helpers) or asserts(statement.body, helpers, filled)
        case ast.Try():
            return asserts([*statement.body, *statement.finalbody], helpers, filled)
        case ast.If():
            branches = statement.body, statement.orelse
            return all(asserts(branch, helpers, filled) for branch in branches)
        case ast.For() | ast.AsyncFor():
            inside = asserts(statement.body, helpers, filled)
            inside = inside and _is_never_empty(statement.iter, filled)
            return inside or _call([statement.iter], helpers)
        case ast.Expr() | ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return():
            return statement.value is not None and _call([statement.value], helpers)
    return False


def _call(expressions: Iterable[ast.expr], helpers: set[str]) -> bool:
    """Whether one of the expressions calls a check or a helper."""
    for expression in expressions:
        match expression:
            case ast.Lambda():  # called or not, nobody sees from here
                continue
            case ast.Call(func=ast.Name(id=name)) if name in CHECKS | helpers:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr=name)):
                if name in CHECKS:
                    return True
            case ast.Call(func=ast.Attribute(attr=name)) if name.startswith("check"):
                if name in helpers:  # a method; other names are those of Python's own methods too
                    return True
        inside = (each for each in ast.iter_child_nodes(expression) if isinstance(each, ast.expr))
        if _call(inside, helpers):
            return True
    return False


def _is_never_empty(sequence: ast.expr, filled: frozenset[str]) -> bool:
    match sequence:
        case ast.Name(id=name):
            return name in filled
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Dict(keys=items):
            return bool(items)
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(number)), *_]):
            return number > 0
        case ast.Call(func=ast.Attribute(value=inner)):  # {...}.items()
            return _is_never_empty(inner, filled)
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "sorted" | "reversed"), args=inside):
            return any(_is_never_empty(each, filled) for each in inside)
    return False


def asserting_helpers(trees: Iterable[ast.AST]) -> set[str]:
    """The names of the functions that assert, themselves or through one another."""
    others = [f for tree in trees for f in functions(tree) if not f.name.startswith("test_")]
    found: set[str] = set()
    while new := {f.name for f in others if asserts(f.body, found)} - found:
        found |= new
    return found


def test_each_test_asserts() -> None:
    trees = {file: ast.parse(file.read_text()) for file in sorted(TESTS.rglob("*.py"))}
    helpers = asserting_helpers(trees.values())
    silent = [
        f"{file.relative_to(TESTS)}:{test.lineno} {test.name}"
        for file, tree in trees.items()
        for test in functions(tree)
        if test.name.startswith("test_") and not asserts(test.body, helpers)
    ]
    assert len(trees) > 50
    assert silent == []


def test_each_is_in_the_room_that_it_tests() -> None:
    packages = [file.parent.name for file in ROOT.glob("*/__init__.py")]
    folders = {
        file.parent.relative_to(TESTS)
        for package in packages
        for file in (TESTS / package).rglob("test_*.py")
    }
    assert len(folders) > 20
    assert [folder for folder in sorted(folders) if not any((ROOT / folder).glob("*.py"))] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert 1", True),
        ("print(1)", False),
        ("with pytest.raises(ValueError): f()", True),
        ("with open(file): assert 1", True),
        ("check(1)", True),
        ("await check(1)", True),
        ("thing.check(1)", True),
        ("thing.ask(1)", False),
        ("for x in found: assert x", False),
        ("for x in (1, 2): assert x", True),
        ("for x in {1: 2}.items(): assert x", True),
        ("for x in (): assert x", False),
        ("xs = [1]\nfor x in xs: assert x", True),
        ("xs = [1]\nfor x in enumerate(xs): assert x", True),
        ("xs = [1]\nxs = f()\nfor x in xs: assert x", False),
        ("while x: assert x", False),
        ("if x: assert x", False),
        ("if x: assert x\nelse: assert y", True),
        ("try: assert x\nfinally: f()", True),
        ("try: f()\nexcept ValueError: assert x", False),
        ("def g(): assert x", False),
        ("lambda: check(1)", False),
        ("f(1, check(2))", True),
    ],
)
def test_an_assertion_counts_when_it_is_bound_to_be_reached(body: str, expected: bool) -> None:
    assert asserts(ast.parse(body).body, {"check", "ask"}) is expected
