# Everything a fresh machine needs is set up by the targets themselves, from requirements.lock.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := runs/demo
STUDY := runs/study
MODEL ?= electron_id

.PHONY: demo model study test lint lock clean help

help:
	@echo "make demo   train, synth and report on the packaged jets ($(RUN))"
	@echo "make model MODEL=photon_id   train, synth, verify and report a shipped spec (runs/photon_id)"
	@echo "make study  all networks of the calorimeter's study, its tables in docs/study.md (under 30 minutes)"
	@echo "make test   linters, types and all tests"
	@echo "make lock   renew requirements.lock from pyproject.toml"
	@echo "make clean  remove the virtual environment and the demo's run"

demo: $(READY)
	$(BIN)/trigml train jet_tagger_hlf --quantize --out $(RUN) --force
	$(BIN)/trigml synth $(RUN)
	$(BIN)/trigml report $(RUN)

model: $(READY)
	$(BIN)/trigml train $(MODEL) --quantize --out runs/$(MODEL) --force
	$(BIN)/trigml synth runs/$(MODEL)
	$(BIN)/trigml verify runs/$(MODEL) --stages native,hls
	$(BIN)/trigml report runs/$(MODEL)

study: $(READY)
	$(BIN)/python scripts/study_calorimeter.py --synth --out $(STUDY) --page docs/study.md

test: $(READY) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check trigml tests scripts
	$(BIN)/ruff format --check trigml tests scripts
	$(BIN)/mypy

$(READY): pyproject.toml requirements.lock
	@sh scripts/check_machine.sh
	@echo "Setting up $(VENV): some 3 GB of Python packages, which takes a few minutes"
	$$(sh scripts/check_machine.sh --python) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

lock: $(READY)
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra dev --no-emit-index-url \
		--no-annotate --no-header pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) $(RUN)
