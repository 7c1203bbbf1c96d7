"""How far a learner is: which exercises passed.

`show` is what the lessons call; record.py keeps the file, learners.py reads many of them, and
printer.py shows them.
"""

from practice.progress.printer import show

__all__ = ["show"]
