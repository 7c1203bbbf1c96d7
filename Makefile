# Each target makes the environment complete (course/bootstrap.py), then calls the course command.
# Without make: python3.11 -m course.bootstrap, then `course lab`, `course test` and so on.

PYTHON ?= $(shell python3.11 -c 'print("python3.11")' 2>/dev/null || echo python3)
KERNEL ?= azure-local
COURSE = .venv/bin/python -m course

.PHONY: help setup lab test course bench fuzz faults conformance az lint notebooks screenshots site lock clean

help:
	@echo "make lab        JupyterLab on the start page (KERNEL=azure-live: on live Azure)"
	@echo "make test       every test"
	@echo "make course     run every lesson, results in build/course (KERNEL=azure-live too)"
	@echo "make bench      the benchmarks, results in build/bench.json"
	@echo "make fuzz       30,000 wrong requests, results in build/fuzz"
	@echo "make faults     300 rounds of crossing changes and crashes, results in build/faults"
	@echo "make conformance SPECS=folder   Microsoft's example requests, the table in docs/coverage.md"
	@echo "make az         Microsoft's pages with the real az CLI, results in build/az.json"
	@echo "make lint       style, format, types and import rules alone"
	@echo "make notebooks  build notebooks/*.ipynb from notebooks/src"
	@echo "make screenshots   the portal's pictures in docs/images/portal, taken anew"
	@echo "make site       the lessons and docs as a static site, in build/site"
	@echo "make lock       work out requirements.lock anew from pyproject.toml"
	@echo "make clean      remove .venv and build"

setup:
	@$(PYTHON) -c '' 2>/dev/null || { \
	  echo "The course needs Python 3.11, and there is no $(PYTHON) here."; \
	  cat course/python-missing.txt; exit 1; } >&2
	@$(PYTHON) -m course.bootstrap

lab: setup
	@$(COURSE) lab --kernel $(KERNEL)

course: setup
	@$(COURSE) run --kernel $(KERNEL)

conformance: setup
	@$(COURSE) conformance --specs "$(SPECS)"

test bench fuzz faults az lint notebooks screenshots site lock: setup
	@$(COURSE) $@

clean:
	rm -rf .venv build .setup.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
