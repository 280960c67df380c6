# make check | test | torch | paper | bench | generate | docs; each sets up what it needs from nothing.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: check test torch paper bench generate docs clean

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

# What can be written from the code: the reference, the gallery, the README's example and picture.
generate: $(READY)
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/gallery.py
	$(BIN)/python docs/picture.py

# The site, in build/site; a broken link, a missing anchor, a page in no list, any warning fails it.
docs: .venv-docs/.ready
	rm -rf build/site
	.venv-docs/bin/python -m sphinx -b html -W --keep-going -q docs build/site

.venv-docs/.ready: pyproject.toml
	python3 -m venv .venv-docs
	.venv-docs/bin/pip install -q -e '.[docs]'
	touch .venv-docs/.ready

$(READY): pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/pip install -e '.[test]'
	touch $(READY)

clean:
	rm -rf $(VENV) .venv-docs build dist
