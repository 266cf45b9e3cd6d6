# One door: people, pre-commit and CI call the same targets.
#   make venv        .venv with the tested set, nothing else
#   make quickstart  that, and the main job: suites/quickstart.yaml into reports/
#   make test        that, and the tests
#   make test-lowest the tests with the lowest versions that are allowed
#   make check       that, and lint, format, types, walls
PYTHON ?= python3
EXTRAS ?= bitsandbytes,torchao,quanto,compressed-tensors,onnx,parquet,html,optimum,nvidia,test
CONSTRAINTS ?= constraints.txt
PIP_ARGS ?=
# Two at a time: tests wait for processes that they start. A file stays in one process, since its tests share workers.
PYTEST_ARGS ?= -n 2 --dist loadfile

comma := ,
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q $(PIP_ARGS) -c $(CONSTRAINTS)

.PHONY: venv quickstart test test-lowest check format schema pins clean

venv: .venv.stamp

.venv.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "bench needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: call make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(PIP) -e '.[$(EXTRAS)]'
	@# With its dependencies torchvision would bring another torch; what is missing beside a CPU torch, bench stands in for.
	$(PIP) --no-deps torchvision
	@touch .venv.stamp

.venv/dev.stamp: .venv.stamp
	$(PIP) -e '.[dev]'
	@touch .venv/dev.stamp

quickstart: venv
	$(BIN)/bench run suites/quickstart.yaml --out reports/records

test: venv
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# The lowest versions that pyproject.toml allows, in an environment of their own. Not part of CI: another torch is some GB.
test-lowest: .venv-lowest/stamp
	.venv-lowest/bin/python -m pytest $(PYTEST_ARGS)

.venv-lowest/stamp: pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install -q $(PIP_ARGS) uv
	.venv-lowest/bin/uv pip compile -q --python .venv-lowest/bin/python pyproject.toml --resolution lowest-direct $(foreach one,$(subst $(comma), ,$(EXTRAS)),--extra $(one)) \
		-o .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install -q $(PIP_ARGS) -c .venv-lowest/constraints.txt -e '.[$(EXTRAS)]'
	.venv-lowest/bin/python -m pip install -q $(PIP_ARGS) --no-deps torchvision==0.26.0  # the one of torch 2.11
	@touch .venv-lowest/stamp

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find suites -name '*.yaml' | sort | xargs $(BIN)/bench check

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: venv
	$(BIN)/bench schema --out suites/schema.json

pins: .venv/dev.stamp
	@$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu//'

clean:
	rm -rf .venv .venv-lowest .venv.stamp build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache
