"""The little that the notebooks import: everything that is taught stays in the notebooks."""
