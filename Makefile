# Each target does its own set-up: a .venv with the pinned packages, made once.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check format docs bench chaos storm clean

$(READY): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, found %d.%d; set PYTHON=/path/to/python3.11" % v[:2])'
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/connector demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python docs/make.py

bench: $(READY)
	$(BIN)/python -m benchmarks

chaos: $(READY)
	PYTHONPATH=.:tests $(BIN)/python -m chaos $(CHAOS_ARGS)

storm: $(READY)
	PYTHONPATH=.:tests $(BIN)/python -m storm $(STORM_ARGS)

clean:
	rm -rf $(VENV) .demo .bench .moto
