"""The exercises of the lessons, one module a lesson; checks.py is what they are made with."""
