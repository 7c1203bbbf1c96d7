"""The page that JupyterLab opens on: the lessons, the learner's progress, local Azure.

    page.py        what is on it, rendered as HTML
    handlers.py    what Jupyter's server answers: the page, local Azure's buttons, a lesson restored
    labextension/  the tab in JupyterLab that shows it, as it is loaded: plain JavaScript and CSS
    install.py     registers both with Jupyter, in one environment

Jupyter's server guards it with its own authentication. Both parts are loaded wherever JupyterLab is
started in the course's environment: by `course lab`, on Binder, by JupyterHub.
"""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name the module with the function below; Jupyter calls both.

    https://jupyter-server.readthedocs.io/en/stable/developers/extensions.html
    """
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from course.start.handlers import add_handlers

    add_handlers(server)
