"""`course notebooks`: builds notebooks/*.ipynb from the text in notebooks/src, outputs included.

The text is what people edit and review (jupytext, py:percent). The diff of a built notebook is the
change of its text: a cell keeps its id when it is edited, and its outputs where new ones differ in
nothing but what tests/nbval-sanitize.cfg allows, such as seconds and keys.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import click
import jupytext
import nbformat
from jupytext.combine import map_outputs_to_inputs
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams, get_sanitize_patterns

from course import kernels
from course.execution import execute
from course.lessons import SANITIZE
from course.places import LOCAL, TITLES, fresh_local_azure
from practice import facts

WIDGET = "application/vnd.jupyter.widget-view+json"
FIGURE = "image/png"
METADATA = {
    "kernelspec": {"display_name": TITLES[LOCAL], "language": "python", "name": LOCAL},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


class NotStorableError(Exception):
    """A lesson's outputs cannot be stored; the message says why."""


def build(
    sources: Sequence[Path],
    target: Path,
    names: Collection[str] = (),
    *,
    keep_outputs: bool = True,
    alone: bool = False,
) -> None:
    """Execute the sources on a local Azure of their own; write notebooks into `target`.

    All run in order on the same local Azure, as they do for a test and for a learner, so that each
    finds what the lessons before it left. With `names` (stems) only those are written, and those
    after the last of them are not run; `alone`, those before them neither. Outputs that are
    the same as those in `target`, but for what may differ, stay as they are, unless `keep_outputs`
    is False. Raises LessonFailedError, NotStorableError.
    """
    kernels.install()
    wanted = set(names) or {source.stem for source in sources}
    last = max(number for number, source in enumerate(sources) if source.stem in wanted)
    run = [source for source in sources[: last + 1] if source.stem in wanted or not alone]
    with fresh_local_azure("process"), tempfile.TemporaryDirectory(prefix="lessons-") as scratch:
        for source in run:
            name = source.with_suffix(".ipynb").name
            plain, executed = Path(scratch) / name, Path(scratch) / "executed" / name
            executed.parent.mkdir(exist_ok=True)
            nbformat.write(from_source(source), plain)
            execute(plain, executed, LOCAL, folder=target)
            if source.stem in wanted:
                before = nbformat.read(target / name, 4) if (target / name).exists() else None
                built = finished(executed, from_source(source, before))
                if before is not None and keep_outputs:
                    keep_same_outputs(built, before)
                nbformat.write(built, target / name)
                click.echo(f"{target / name} is built.")


def from_source(source: Path, before: NotebookNode | None = None) -> NotebookNode:
    """Return the notebook without outputs that a text source stands for.

    What its prose says of Azure's limits, prices and dates is put in from practice/facts.yaml. A
    cell has the id that it had in the notebook `before`, if it was there, edited or not. Raises
    FactError, which names the lesson.
    """
    notebook: NotebookNode = jupytext.read(source, fmt="py:percent")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            try:
                cell.source = facts.fill(cell.source)
            except facts.FactError as error:
                raise facts.FactError(f"{source.name}: {error}") from None
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    kept = _kept_identifiers(notebook, before)
    seen = set(kept.values())
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.id = kept.get(number) or _new_identifier(cell, seen)
    return notebook


def _kept_identifiers(notebook: NotebookNode, before: NotebookNode | None) -> dict[int, str]:
    """Return the ids of the cells that were there before, by their position now.

    Jupytext finds them as it does for a paired notebook: by their text, else by their neighbours.
    """
    if before is None:
        return {}
    positions = enumerate(map_outputs_to_inputs(notebook.cells, before.cells))
    return {now: before.cells[then].id for now, then in positions if then is not None}


def _new_identifier(cell: NotebookNode, seen: set[str]) -> str:
    """Return an id that nobody has `seen`, worked out from the cell's text, and add it to them."""
    repeats = 0
    while True:
        text = f"{cell.cell_type}\n{cell.source}\n{repeats}"
        identifier = hashlib.sha256(text.encode()).hexdigest()[:8]
        if identifier not in seen:
            seen.add(identifier)
            return identifier
        repeats += 1


def finished(executed: Path, plain: NotebookNode) -> NotebookNode:
    """Return `plain` with the outputs and execution counts of its executed copy.

    Raises NotStorableError when an output cannot be stored.
    """
    results = nbformat.read(executed, as_version=4).cells
    for number, (cell, result) in enumerate(zip(plain.cells, results, strict=True), start=1):
        if cell.cell_type != "code":
            continue
        cell.execution_count = result.execution_count
        # As nbval does before it compares: one text per stream, progress bars at their end.
        cell.outputs = coalesce_streams(result.outputs)
        for output in cell.outputs:
            _leave_out_widget(output, f"Cell {number} of {executed.stem}")
    return plain


def keep_same_outputs(notebook: NotebookNode, before: NotebookNode) -> None:
    """Give each cell that is as `before` the outputs of then, if the new ones are the same.

    The same are outputs that the tests take for the same. Two figures are the same when they are
    described alike, their numbers aside, and drawn in the same style: what has been
    measured is not measured anew by building.
    """
    then = {cell.id: cell for cell in before.cells}
    for cell in notebook.cells:
        old = then.get(cell.id)
        if cell.cell_type != "code" or old is None or old.source != cell.source:
            continue
        if _comparable(cell.outputs) == _comparable(old.outputs):
            cell.outputs = old.outputs
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = cell.execution_count


def _comparable(outputs: Sequence[NotebookNode]) -> list[dict[str, str]]:
    """Return of each output what must be the same from run to run, by stream or MIME type."""
    compared = []
    for output in outputs:
        texts = {output.get("name", ""): output.get("text", ""), **output.get("data", {})}
        if FIGURE in texts:
            texts[FIGURE] = re.sub(r"\d[\d.,]*", "N", json.dumps(output.metadata[FIGURE]))
        compared.append({name: _sanitized(str(text)) for name, text in texts.items()})
    return compared


def _sanitized(text: str) -> str:
    for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


def _leave_out_widget(output: NotebookNode, where: str) -> None:
    """Store a widget as its HTML. Raises NotStorableError for one that has none."""
    data = output.get("data", {})
    if data.pop(WIDGET, None) is not None and "text/html" not in data:
        raise NotStorableError(
            f"{where} shows a widget that a stored notebook cannot hold and a test cannot "
            "compare. Print instead, or use one of practice/widgets."
        )


def drift(sources: Path, target: Path) -> list[str]:
    """Return how the notebooks in `target` differ from the texts in `sources`; no code is run."""
    texts = {file.stem: file for file in sorted(sources.glob("*.py"))}
    built = {file.stem: file for file in sorted(target.glob("*.ipynb"))}
    found = [f"{name}.ipynb is missing." for name in texts.keys() - built.keys()]
    found += [f"{name}.ipynb has no text." for name in built.keys() - texts.keys()]
    for name in sorted(texts.keys() & built.keys()):
        found += _differences(from_source(texts[name]), nbformat.read(built[name], 4), name)
    return sorted(found)


def _differences(text: NotebookNode, notebook: NotebookNode, name: str) -> list[str]:
    if notebook.metadata.get("kernelspec", {}).get("name") != LOCAL:
        return [f"{name}.ipynb is not stored with kernel {LOCAL}."]
    if len(text.cells) != len(notebook.cells):
        return [f"{name}.ipynb has {len(notebook.cells)} cells, its text {len(text.cells)}."]
    count = 0
    for number, (wanted, cell) in enumerate(zip(text.cells, notebook.cells, strict=True), start=1):
        if _content(wanted) != _content(cell):
            return [f"{name}.ipynb: cell {number} differs from its text."]
        if cell.cell_type == "code" and cell.source.strip():
            count += 1
            if cell.execution_count != count:
                return [f"{name}.ipynb: cell {number} was not executed in order."]
    return []


def _content(cell: NotebookNode) -> tuple[str, str, list[str]]:
    return cell.cell_type, cell.source, cell.metadata.get("tags", [])
