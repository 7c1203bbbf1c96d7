"""Azure Machine Learning: workspaces, what is registered in them, and online endpoints."""
