"""The box below an exercise's check in JupyterLab, in light and dark, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from course.lessons import BUILD

from .conftest import Opener
from .lab_page import START, LabPage

SHEEP = """\
from practice.exercises.checks import exercise, right, wrong

@exercise("Think of sheep.", "It is less than two.", solution="count = 1")
def sheep(count):
    if count == 1:
        return right("One it is.")
    return wrong("count", count, "Look at the meadow.")
count = ..."""
CHECK = "sheep.check(count)"


def box_of(lab: LabPage, cell: int) -> Locator:
    return lab.run(cell).get_by_role("group", name="Exercise")


def test_hints_and_the_solution_are_buttons(open_cells: Opener) -> None:
    lab = open_cells(SHEEP, CHECK, "count = 2", CHECK, "count = 1", CHECK)
    lab.run(0)
    box = box_of(lab, 1)
    expect(box.get_by_role("status")).to_contain_text("Not attempted yet. Put your answer")
    box.get_by_role("button", name="Hint").click()
    expect(box.get_by_role("listitem")).to_have_text(["Think of sheep."])
    lab.run(2)
    box = box_of(lab, 3)
    expect(box.get_by_role("status")).to_have_text("Not quite. count is 2. Look at the meadow.")
    expect(box.get_by_role("listitem")).to_have_text(["Think of sheep."])
    # By the keyboard alone, and JupyterLab takes neither key for a command of its own.
    box.get_by_role("button", name="Next hint (1 left)").focus()
    lab.page.keyboard.press("Enter")
    expect(box.get_by_role("listitem")).to_have_count(2)
    expect(box.get_by_role("button", name="No more hints")).to_be_focused()
    lab.page.keyboard.press("Tab")
    opener = box.get_by_role("button", name="Solution")
    expect(opener).to_be_focused()
    lab.page.keyboard.press("Space")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(box.locator("pre")).to_have_text("count = 1")
    expect(opener).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(box.locator("pre")).to_be_hidden()
    lab.run(4)
    expect(box_of(lab, 5).get_by_role("status")).to_have_text("Right. One it is.")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_can_be_read_in_both_themes(open_cells: Opener, theme: str) -> None:
    lab = open_cells(SHEEP, CHECK, "count = 2", CHECK, "count = 1", CHECK)
    lab.set_theme(theme)
    for cell in range(6):
        lab.run(cell)
    box = lab.output(3).get_by_role("group", name="Exercise")
    box.get_by_role("button", name="Hint").click()
    box.get_by_role("button", name="Solution").click()
    expect(lab.page.locator(".course-verdict")).to_have_count(3)
    expect(lab.output(5).get_by_role("status")).to_have_text("Right. One it is.")
    lab.page.screenshot(path=BUILD / "browser" / f"verdict-box-{theme[11:].lower()}.png")
    found = Axe().run(lab.page, context=".course-verdict")
    assert found.violations_count == 0, found.generate_report()


def test_without_a_kernel_the_text_stays(open_cells: Opener) -> None:
    lab = open_cells(SHEEP, CHECK)
    lab.run(0)
    expect(box_of(lab, 1).get_by_role("button")).to_have_count(2)
    lab.save()
    lab.shut_down_kernel()
    lab.reload()
    told = lab.output(1)
    expect(told).to_contain_text(re.compile(r"Not attempted yet\. Put .*sheep\.hint"))
    expect(told.get_by_role("button")).to_have_count(0)
    lab.run(0, timeout=START)
    expect(box_of(lab, 1).get_by_role("button")).to_have_count(2)
