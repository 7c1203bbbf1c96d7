"""The `course` command: set-up, JupyterLab, running every lesson, building and testing."""
