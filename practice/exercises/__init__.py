"""The exercises of the lessons, one module a lesson; checks.py is what they are made with.

The docstring of an exercise says what the right answer is, or what must be true on Azure.
"""
