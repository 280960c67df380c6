# make check | test | torch | paper | bench | docs; each sets up its own .venv from nothing.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: check test torch paper bench docs clean

# What README.md tells a newcomer to type, to the letter; a test compares the two.
test:
	python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest
	@touch $(READY)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# Torch modules and outside attacks, in an environment of their own: torch is large.
torch:
	python3 -m venv .venv-torch && .venv-torch/bin/pip install -e '.[test-torch]'
	.venv-torch/bin/pytest tests/unit/sensitivity tests/unit/subspace tests/unit/oracles tests/unit/evaluation/defending -k "torch or module or outside or proofs"

paper: $(READY)
	$(BIN)/pytest -m paper

bench: $(READY)
	$(BIN)/python benchmarks/run.py

docs: $(READY)
	$(BIN)/python docs/generate.py

$(READY): pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/pip install -e '.[test]'
	touch $(READY)

clean:
	rm -rf $(VENV) build dist
