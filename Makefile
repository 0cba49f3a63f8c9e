# make report | test | lab | doctor: each sets up what it needs. Options:
#   IMPLS="python cython"  leave implementations out        PYTHON=python3.13  another interpreter (then make clean first)
#   ARGS="..."             arguments for callbot-lab report, or for pytest
PYTHON ?= python3
IMPLS ?= python cython rust
NEEDS_cython := cc
NEEDS_rust := cargo cc
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet

# What is missing is said before anything is installed. `make doctor` has to run on any machine, so it is exempt.
ifneq ($(filter report test lab setup,$(or $(MAKECMDGOALS),report)),)
$(foreach impl,$(IMPLS),$(if $(wildcard impls/$(impl)/pyproject.toml),,$(error no implementation '$(impl)'; there are: $(notdir $(wildcard impls/*)))))
$(foreach impl,$(IMPLS),$(foreach tool,$(NEEDS_$(impl)),$(if $(shell command -v $(tool)),,$(error $(tool) not found, which impls/$(impl) needs. Install it, or leave that one out: make $(MAKECMDGOALS) IMPLS="$(filter-out $(impl),$(IMPLS))"))))
$(if $(shell $(PYTHON) -c 'import sys, ensurepip, venv; print("yes" * (sys.version_info >= (3, 11)))' 2>/dev/null),,$(error $(PYTHON) is no Python 3.11 or newer with venv. Install one (Debian: apt-get install python3-venv), or name it: make $(MAKECMDGOALS) PYTHON=python3.13))
endif

.PHONY: report test lab doctor setup clean
report: setup
	callbot-lab report $(ARGS)

test: setup
	ruff check
	ruff format --check
	mypy
	$(if $(filter rust,$(IMPLS)),cargo fmt --manifest-path impls/rust/Cargo.toml --all --check)
	$(if $(filter rust,$(IMPLS)),cargo clippy --manifest-path impls/rust/Cargo.toml --locked --quiet --workspace --all-targets -- -D warnings)
	$(if $(filter rust,$(IMPLS)),cargo test --manifest-path impls/rust/Cargo.toml --locked --quiet -p callbot-core)
	python -m pytest $(ARGS)

lab: setup .venv/lab.done
	jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

doctor:
	@PYTHONPATH=src $(or $(wildcard .venv/bin/python),$(PYTHON)) -m callbot_lab.doctor

setup: .venv/base.done $(IMPLS:%=.venv/%.done)

.venv/base.done: requirements/base.txt pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "installing the locked packages (a minute or two)"
	$(PIP) install --require-hashes -r requirements/base.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

.venv/lab.done: requirements/lab.txt .venv/base.done
	$(PIP) install --require-hashes -r requirements/lab.txt
	touch $@

# A file of an implementation that is newer than its stamp builds it anew, as a release build, from a clean folder.
.SECONDEXPANSION:
$(IMPLS:%=.venv/%.done): .venv/%.done: .venv/base.done $$(shell find impls/$$* ! -type l ! -path '*/target/*' ! -path '*/build/*' ! -path '*.egg-info/*' ! -name '*.pyc' | sort)
	@echo "building callbot-$*"
	rm -rf impls/$*/build impls/$*/src/*.egg-info
	$(PIP) install --no-build-isolation --no-deps --force-reinstall ./impls/$*
	touch $@

clean:
	rm -rf .venv report results impls/*/build impls/*/target src/*.egg-info
