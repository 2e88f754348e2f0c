# Warmscaler: everything a person or CI runs. `make` alone prints this list.
#
#   make demo          the whole loop, from nothing: real service, real broker, KEDA and HPA beside it
#   make test          everything, from nothing, and how long each step took: check, unit, sim, servers, integration,
#                      cluster; stops at the first failure (builds a Kubernetes and a KEDA at the first time: 20 minutes)
#
#   make check         format, lint, types, layers, generated code current (30 s)
#   make fix           format, and repair what the linter can
#   make unit          unit and property tests: no sockets, no sleeping
#   make sim           the simulator: golden tables, laws, both engines on every scenario
#   make golden        write the tables of the shipped scenarios anew
#   make servers       install what the real servers of the tests need, into the cache
#   make integration   real servers on loopback, and faults in front of them
#   make faults        only the faults
#   make cluster       a real Kubernetes control plane and KEDA on loopback (built once), and the tests on it
#   make cluster-up    leave one running for a person, until Ctrl-C
#   make keda-matrix   the tests of `make cluster` on each version of KEDA that is supported
#   make bench         the benchmarks, each with the line that reproduces it
#   make protos        regenerate scaler/rpc/pb
#   make venv          the development environment, in .venv
#   make lock          compile requirements*.lock and deploy/*.lock again (needs uv)
#
# ARGS="..." is handed on: make demo ARGS="--speed 5x", make unit ARGS="-k cron -x".
# Needs python3 >= 3.11; PYTHON=python3.13 chooses another.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PB := scaler/rpc/pb
SHELL := /bin/sh
.ONESHELL:
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# An environment is as old as what it was made from: a changed lock or project file asks for a new stamp.
stamp = .venv/.$(1)-$(shell cat requirements*.lock pyproject.toml | cksum | cut -d' ' -f1)
DEMO := $(call stamp,demo)
DEV := $(call stamp,dev)

.PHONY: help demo test check fix unit sim servers integration faults cluster cluster-up keda-matrix bench golden protos venv lock

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

demo: $(DEMO)
	@exec $(BIN)/warmscaler demo $(ARGS)

test: $(DEV)
	@begun=$$(date +%s)
	for step in check unit sim servers integration cluster; do
		echo "== $$step"
		since=$$(date +%s)
		$(MAKE) $$step
		echo "== $$step took $$(($$(date +%s) - since)) s, all so far $$(($$(date +%s) - begun)) s"
	done

check: $(DEV)
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT
	$(call generate,$$fresh)
	diff -ru --exclude=__init__.py --exclude=__pycache__ $(PB) "$$fresh" || { echo "run: make protos" >&2; exit 1; }

fix: $(DEV)
	@$(BIN)/ruff check --fix . || true
	$(BIN)/ruff format .

# Two processes, each with servers of its own; a file stays in one of them. ARGS="-n 0" is without.
TWO := -n 2 --dist loadfile

SLOW := integration faults cluster simulations bench
unit: $(DEV)
	@$(BIN)/pytest -q $(TWO) tests $(SLOW:%=--ignore=tests/%) $(ARGS)

sim: $(DEV)
	@$(BIN)/pytest -q tests/simulations $(ARGS)

golden: $(DEV)
	@$(BIN)/python -m tests.simulations.golden $(ARGS)

# What cannot be installed or built is said here and again by the tests; whether it is a failure is theirs to decide.
servers: $(DEV)
	@$(BIN)/python -m tests.servers install || true

integration: $(DEV)
	@$(BIN)/pytest -q $(TWO) tests/integration tests/faults $(ARGS)

faults: $(DEV)
	@$(BIN)/pytest -q tests/faults $(ARGS)

cluster: $(DEV)
	@$(BIN)/python -m tests.cluster build || true
	$(BIN)/pytest -q tests/cluster $(ARGS)

cluster-up: $(DEV)
	@exec $(BIN)/python -m tests.cluster up $(ARGS)

keda-matrix: $(DEV)
	@failed=
	for version in $$(ls tests/cluster/tools/keda | sort -rV); do
		echo "== KEDA $$version"
		$(BIN)/python -m tests.cluster build --keda $$version
		$(BIN)/pytest -q -rs tests/cluster --keda $$version $(ARGS) || failed="$$failed $$version"
	done
	[ -z "$$failed" ] || { echo "failed on KEDA$$failed" >&2; exit 1; }

bench: $(DEV)
	@$(BIN)/python -m tests.bench $(ARGS)

protos: $(DEV)
	@$(call generate,$(PB))

# grpcio-tools imports its neighbour as if it were a top-level module; ours lives in a package.
define generate
$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) protos/*.proto
sed -i 's/^import \([a-z_]*_pb2\) as/from scaler.rpc.pb import \1 as/' $(1)/*_pb2_grpc.py
endef

venv: $(DEV)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is not Python >= 3.11" >&2; exit 1; }
	if uv --version >/dev/null 2>&1; then uv venv -q --seed --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	else $(PYTHON) -m venv .venv; fi

$(DEMO): | .venv/bin/python
	@$(call install,requirements.lock)
	touch $@

$(DEV): | .venv/bin/python
	@$(call install,requirements-dev.lock)
	touch $@ $(DEMO)

# The development environment holds everything of the other one in the same versions, so one .venv is enough for both.
# Every file that is installed is one that the lock names by its hash; the project itself is built by the locked backend.
define install
if uv --version >/dev/null 2>&1; then pip="uv pip install -q --python $(BIN)/python"
else pip="$(BIN)/python -m pip install -q --disable-pip-version-check"; fi
$$pip --require-hashes -r $(1)
$$pip --no-deps --no-build-isolation -e .
rm -f .venv/.demo-* .venv/.dev-*
endef

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --custom-compile-command "make lock" $(UPGRADE)
lock:
	@unset PIP_FIND_LINKS UV_FIND_LINKS || true
	$(COMPILE) pyproject.toml --all-extras --group dev -o requirements-dev.lock
	$(COMPILE) pyproject.toml --extra demo --group build -c requirements-dev.lock -o requirements.lock
	$(COMPILE) pyproject.toml --extra nkeys -c requirements-dev.lock -o deploy/requirements.lock
	$(COMPILE) --group build -c requirements-dev.lock -o deploy/build.lock
