# `make help` lists the targets. Everything lives in .venv; nothing else on the machine changes.

PYTHON ?= python3
# PyTorch's CPU-only index, for machines whose default index would bring CUDA along.
TORCH_INDEX ?=
TORCH := torch==2.13.0

BIN := .venv/bin
READY := .venv/.ready
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --override requirements/without-torch.txt --no-emit-package torch

export TORCH_INDEX

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: $(READY) ## Start Envoy, the router and a real vLLM here, and send prompts through them
	@$(BIN)/semrouter demo

.PHONY: test
test: $(READY) ## Run every test, those against the real Envoy and vLLM included
	$(BIN)/python -m pytest

.PHONY: test-fast
test-fast: $(READY) ## Run the tests that need no vLLM
	$(BIN)/python -m pytest -m "not vllm"

.PHONY: check
check: $(READY) ## Lint, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Format the code and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: $(READY) ## Run the benchmarks; DATA=FOLDER names the labelled prompts
	@test -n "$(DATA)" || { echo "make bench: say where the labelled prompts are, DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benchmarks/classification.py "$(DATA)"

.PHONY: envoy-config
envoy-config: $(READY) ## Write deploy/envoy/envoy.yaml anew
	$(BIN)/semrouter envoy-config --config config/semrouter.yaml --out deploy/envoy/envoy.yaml

.PHONY: lock
lock: $(READY) ## Resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(UV_COMPILE) --extra torch --extra demo --group dev --output-file requirements/dev.lock

.PHONY: clean
clean: ## Remove the environment and every cache in this folder
	rm -rf .venv .venv-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# torch comes first and by version only: its hash differs between the CPU and CUDA builds.
$(READY): requirements/dev.lock pyproject.toml hatch_build.py proto/ext_proc.proto
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "python3 -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(BIN)/python -m pip install --require-hashes --no-deps -r requirements/dev.lock
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@touch $@
