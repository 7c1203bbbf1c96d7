"""A question, answered in JupyterLab with the mouse and with the keyboard."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Opener
from .lab_page import START

ASK = """\
from practice.widgets.quiz import predict

guess = predict("What does `1 + 1` show?", ["1", "2", "11"])
guess"""


def test_a_choice_is_made_with_the_mouse_and_compared(open_cells: Opener) -> None:
    lab = open_cells(ASK, "guess.compare(str(1 + 1))")
    quiz = lab.run(0).get_by_role("group", name="What does 1 + 1 show?")
    quiz.get_by_role("radio", name="11").check()
    expect(quiz.get_by_role("status")).to_have_text("You say 11. Now run the next cell.")
    assert "You said 11. It was 2." in lab.run(1).inner_text()
    expect(quiz.get_by_role("status")).to_have_text("You said 11. It was 2.")
    for name in ("1", "2 (it was this)", "11 (you said this)"):
        expect(quiz.get_by_role("radio", name=name, exact=True)).to_be_disabled()
    # Nor has JupyterLab asked anything before the first cell.
    expect(lab.page.get_by_text("Jupyter news")).to_have_count(0)


def test_a_choice_is_made_with_the_keyboard_alone(open_cells: Opener) -> None:
    lab = open_cells(ASK, "guess.compare(str(1 + 1))")
    quiz = lab.run(0).get_by_role("group")
    quiz.get_by_role("radio").first.focus()
    lab.page.keyboard.press("Space")
    expect(quiz.get_by_role("radio", name="1", exact=True)).to_be_checked()
    lab.page.keyboard.press("ArrowDown")
    expect(quiz.get_by_role("radio", name="2")).to_be_checked()
    expect(quiz.get_by_role("radio", name="2")).to_be_focused()
    expect(quiz.get_by_role("status")).to_contain_text("You say 2.")
    assert "You said 2, and 2 it was." in lab.run(1).inner_text()
    expect(quiz.get_by_role("status")).to_have_text("You said 2, and 2 it was.")


def test_shift_enter_after_a_click_keeps_the_choice(open_cells: Opener) -> None:
    """The click has made the question's cell the active one, so the first runs that one again."""
    lab = open_cells(ASK, "guess.compare(str(1 + 1))")
    quiz = lab.run(0).get_by_role("group")
    quiz.get_by_role("radio", name="2").check()
    expect(quiz.get_by_role("status")).to_contain_text("You say 2.")
    lab.page.keyboard.press("Shift+Enter")
    expect(lab.cell(0).locator(".jp-InputPrompt")).to_have_text("[2]:")
    expect(quiz.get_by_role("radio", name="2")).to_be_checked()
    lab.page.keyboard.press("Shift+Enter")
    expect(lab.output(1)).to_contain_text("You said 2, and 2 it was.")


def test_a_click_while_the_cell_runs_comes_too_late(open_cells: Opener) -> None:
    wait = "import time\nfrom pathlib import Path\nwhile not Path('go').exists(): time.sleep(0.05)"
    lab = open_cells(ASK, f"{wait}\nPath('go').unlink()\nguess.compare('2')")
    quiz = lab.run(0).get_by_role("group")
    lab.start(1)
    quiz.get_by_role("radio", name="11").check()
    lab.folder.joinpath("go").touch()
    expect(lab.output(1)).to_contain_text("It was 2. (You had not chosen.)")
    expect(quiz.get_by_role("radio", name="11")).not_to_be_checked()
    expect(quiz.get_by_role("radio", name="11")).to_be_disabled()


def test_a_saved_question_lives_as_long_as_its_kernel(open_cells: Opener) -> None:
    lab = open_cells(ASK)
    lab.run(0).get_by_role("radio", name="11").check()
    expect(lab.output(0).get_by_role("status")).to_contain_text("You say 11.")
    lab.save()
    lab.reload()
    expect(lab.output(0).get_by_role("radio", name="11")).to_be_checked()
    lab.shut_down_kernel()
    lab.reload()
    expect(lab.output(0).get_by_role("listitem")).to_have_text(["1", "2", "11"])
    expect(lab.output(0)).to_contain_text("run this cell to choose")
    expect(lab.output(0).get_by_role("radio")).to_have_count(0)
    lab.start(0)
    expect(lab.output(0).get_by_role("radio")).to_have_count(3, timeout=START)
