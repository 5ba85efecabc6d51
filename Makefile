# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

# Whatever python3 is: what the runner needs besides, it brings itself.
PYTHON ?= python3
RUN = $(PYTHON) tests/run

STATIC = ruff mypy layers shellcheck sanity ansible-lint docs changelog reuse

.PHONY: help
help:
	@echo "make demo                show what the collection does, on a throw-away host (root)"
	@echo "make test                run all tests, with a table at the end (root)"
	@echo "make test TIER='a b'     run only these tiers; make tiers names them"
	@echo "make lint | unit | integration | promises | monitor | guest | vm | systemd | molecule  the same, by name"
	@echo "make sweep               every kill point and every error, whole (long)"
	@echo "make bench               speed, as ratios"
	@echo "make format              put Python files into the project's format"
	@echo "make clean               remove all that these have made"

.PHONY: test
test:
	@$(RUN) test $(TIER)

.PHONY: lint
lint:
	@$(RUN) test $(STATIC)

.PHONY: unit integration promises monitor guest vm systemd molecule build sweep
unit integration promises monitor guest vm systemd molecule build sweep:
	@$(RUN) test $@

.PHONY: bench
bench:
	@$(RUN) test benchmark

.PHONY: demo setup
demo setup:
	@$(RUN) $@

.PHONY: tiers
tiers:
	@$(RUN) list

.PHONY: format
format: setup
	.build/venv/tools/bin/ruff check --fix .
	.build/venv/tools/bin/ruff format .

.PHONY: clean
clean:
	rm -rf .build
