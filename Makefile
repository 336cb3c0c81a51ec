PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check test-all bench lint types pages shipped-model clean

# The main job: simulate rooms, train three networks, compare them.
demo: $(STAMP)
	@PATH="$(abspath $(BIN)):$$PATH" sh scripts/demo.sh

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not heavy"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

check: lint types
	$(BIN)/python -m pytest -q tests/test_layering.py
	$(MAKE) test

test-all: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

bench: $(STAMP)
	$(BIN)/python benchmarks/run_all.py

# The model in src/decaylab/inference/shipped, from nothing; ROOMS_CSV=roomFeaturesDataset.csv for the published rooms, too.
shipped-model: $(STAMP)
	$(BIN)/python scripts/build_shipped_model.py $(if $(ROOMS_CSV),--rooms $(ROOMS_CSV))

# The pages that are made of the code; tests compare them.
pages: $(STAMP)
	$(BIN)/python scripts/pages.py

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "decaylab needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build src/*.egg-info
