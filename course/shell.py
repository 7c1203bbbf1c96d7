"""The shell of the course's kernels: IPython's, which shows an error of Azure's in a few lines.

Nothing is hidden: the box that is shown has the whole traceback folded, and `%tb` prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.display import publish_display_data
from traitlets import Type

from course.azure_error import COLOUR, explain


class CourseShell(ZMQInteractiveShell):
    """`is_local_lost` tells whether local Azure, with which the kernel works, is gone."""

    is_local_lost: Callable[[], bool] = staticmethod(lambda: False)
    folder = Path.cwd()  # the notebook's, for links

    def showtraceback(
        self,
        exc_tuple: Any = None,
        filename: str | None = None,
        tb_offset: int | None = None,
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        """Show an exception. A cell's own, if it is one of Azure's, comes as a box."""
        if running_compiled_code and exc_tuple is None and self._show_azure_error():
            return
        super().showtraceback(exc_tuple, filename, tb_offset, exception_only, running_compiled_code)

    def _show_azure_error(self) -> bool:
        """Show the present exception as a box if it is one of Azure's, and return whether it is."""
        kind, error, trace = self._get_exc_info()
        told = explain(error, self.is_local_lost())
        if told is None:
            return False
        whole = "\n".join(self.InteractiveTB.structured_traceback(kind, error, trace))
        page = told.as_html(COLOUR.sub("", whole), self.folder)
        publish_display_data({"text/plain": told.as_text(), "text/html": page})
        where = self._line(trace)
        at = f" in {where}" if where else ""
        # The same words wherever errors are gathered: the cell has failed all the same.
        self._showtraceback(kind, error, [f"{kind.__name__}{at}. %tb shows the whole traceback."])
        if self.call_pdb:
            self.debugger(force=True)
        return True

    def _line(self, trace: TracebackType | None) -> str:
        """Return the innermost line of a cell, as IPython's tracebacks name it."""
        found = ""
        while trace is not None:
            name = self.compile.format_code_name(trace.tb_frame.f_code.co_filename)
            if name is not None:
                found = f"{' '.join(name)}, line {trace.tb_lineno}"
            trace = trace.tb_next
        return found


class CourseKernel(IPythonKernel):
    """ipykernel's, with that shell."""

    shell_class = Type(CourseShell)
