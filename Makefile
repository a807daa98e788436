# Every target sets up what it needs; `make help` lists them.
EXP ?= c3_faces
PRESET ?=
ARGS ?=
VENV := .venv
PYTHON := $(VENV)/bin/python
# The CUDA build of JAX is chosen where an NVIDIA driver answers; ACCELERATOR=cpu|cuda12|cuda13 overrides.
ACCELERATOR ?= $(shell nvidia-smi >/dev/null 2>&1 && echo cuda12 || echo cpu)
EXTRAS := dev$(if $(filter cuda%,$(ACCELERATOR)),$(comma)$(ACCELERATOR))
comma := ,
READY := $(VENV)/.ready-$(ACCELERATOR)
# Test workers: one per core, at most four (each worker holds its own JAX).
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); [ $$n -gt 4 ] && echo 4 || echo $$n)

.PHONY: help setup data train test test-slow lint docs clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14
	@echo
	@echo 'make train EXP=c3_faces [PRESET=laptop] [ARGS="--seed 1 ..."], of the experiments and presets'
	@echo '  c3_faces, c3_cars, c3_bedrooms  laptop laptop_small laptop_resnet18 paper'
	@echo '  imm_faces                       laptop laptop_resnet18 paper'
	@echo '  jlad                            laptop laptop_small laptop_resnet18 paper'
	@echo '  semantic_alignment              laptop laptop_small laptop_resnet50 paper'
	@echo 'Options of one: $(PYTHON) -m experiments.c3_faces --preset laptop --help; all else: README.md'

setup: $(READY)  ## make the environment .venv (Python 3.11 to 3.13, pinned versions)

$(READY): pyproject.toml requirements/constraints.txt
	@python=; for candidate in $(PYTHON3) python3.12 python3.11 python3.13 python3; do \
	  if $$candidate -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo 'c3jax needs Python 3.11, 3.12 or 3.13 with the venv module: install one, or name it: make setup PYTHON3=/path/to/python3' >&2; exit 2; fi; \
	case "$$($$python -c 'import platform; print(platform.system(), platform.machine())')" in 'Darwin x86_64') \
	  echo 'jaxlib is not made for Macs with Intel processors any more: use another machine, or Linux on this one (docs/install.md); on Apple silicon name a Python that Rosetta does not run: make setup PYTHON3=/path/to/python3' >&2; exit 2;; esac; \
	echo "setting up $(VENV) with $$($$python --version) ($(ACCELERATOR)); about 1 GB, a few minutes"; \
	$$python -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

train: $(READY)  ## train an experiment: EXP=c3_faces, PRESET=..., ARGS="..."
	@if [ ! -f experiments/$(EXP)/__main__.py ]; then \
	  echo "there is no experiment '$(EXP)'; choose EXP= one of:" $$(cd experiments && ls -d */__main__.py | xargs -n1 dirname) >&2; exit 2; fi
	@$(PYTHON) -m experiments.$(EXP) $(if $(PRESET),--preset $(PRESET)) $(ARGS)

data: $(READY)  ## unpack, check and prepare a data set: NAME=pf_pascal [ARGS="--path DIR"]
	@$(PYTHON) -m experiments.data prepare $(NAME) $(ARGS)

test: $(READY)  ## the tests (under 10 minutes on 2 cores), with the library's coverage by its own
	@$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m 'not slow' --cov=c3jax --cov-report=term-missing:skip-covered --cov-fail-under=95 $(ARGS)

test-slow: $(READY)  ## the tests that take minutes
	@$(PYTHON) -m pytest -m slow $(ARGS)

lint: $(READY)  ## style and types
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy

docs: $(READY)-docs  ## the site of docs/ into build/docs/html, and its examples run
	@$(PYTHON) -m sphinx -W --keep-going -q -d build/docs/doctrees docs build/docs/html
	@$(PYTHON) -m sphinx -W --keep-going -q -d build/docs/doctrees -b doctest docs build/docs/doctest

$(READY)-docs: $(READY)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[docs]'
	@touch $@

clean:  ## remove the environment and caches; runs/ and data/ stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info build dist
