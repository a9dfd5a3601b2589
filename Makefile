# `make help` lists the targets. The project lives in .venv; the vLLM of the demo and of its test
# in the user's cache, under semrouter/.

PYTHON ?= python3
# PyTorch's CPU-only index, for machines whose default index would bring CUDA along.
TORCH_INDEX ?=
TORCH := torch==2.13.0

BIN := .venv/bin
READY := .venv/.ready
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --override requirements/without-torch.txt --no-emit-package torch

# One prompt's matrices are small: BLAS threads would wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

export TORCH_INDEX

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: $(READY) ## Start Envoy, the router and a real vLLM here, and send prompts through them
	@$(BIN)/semrouter demo

# Those that need vLLM take as long as all the others, so the two run side by side.
.PHONY: test
test: $(READY) ## Run every test, those against the real Envoy and vLLM included
	@$(MAKE) --no-print-directory --keep-going --jobs=2 test-fast test-vllm VLLM_LOG=.venv/vllm-tests.log; \
	status=$$?; cat .venv/vllm-tests.log; exit $$status

.PHONY: test-fast
test-fast: $(READY) ## Run the tests that need no vLLM
	$(BIN)/python -m pytest -m "not vllm"

.PHONY: test-vllm
test-vllm: $(READY) ## Run the tests that need vLLM
	$(BIN)/python -m pytest -m vllm $(if $(VLLM_LOG),> $(VLLM_LOG) 2>&1)

# request, framing or stream; see tests/fuzz/fuzz.py
TARGET ?= request
RUNS ?= 1000000

.PHONY: fuzz
fuzz: $(READY) ## Fuzz TARGET with RUNS cases; what is new is kept in tests/fuzz/corpus
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/fuzz.lock
	PYTHONPATH=tests $(BIN)/python tests/fuzz/fuzz.py $(TARGET) --runs $(RUNS)

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
bench: $(READY) ## Measure the targets in short form (10 minutes); DATA=FOLDER names the labelled prompts
	@test -n "$(DATA)" || { echo "make bench: say where the labelled prompts are, DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benchmarks/short.py "$(DATA)"

.PHONY: bench-all
bench-all: $(READY) ## Measure everything anew into benchmarks/results (four hours); DATA=FOLDER as above
	@test -n "$(DATA)" || { echo "make bench-all: say where the labelled prompts are, DATA=FOLDER" >&2; exit 2; }
	for name in encoders static_tier through_envoy no_encoder overload reload peers; do \
		$(BIN)/python benchmarks/$$name.py "$(DATA)" || exit; done
	for name in categories lint tune; do $(BIN)/python benchmarks/$$name.py "$(DATA)" || exit; done
	for name in long_prompts landmarks start languages; do $(BIN)/python benchmarks/$$name.py || exit; done
	$(ONE_THREAD) $(BIN)/python benchmarks/classification.py "$(DATA)"
	$(ONE_THREAD) $(BIN)/python benchmarks/prompts.py "$(DATA)"
	$(ONE_THREAD) $(BIN)/python benchmarks/steering.py "$(DATA)"
	for name in prefix_cache faults; do PYTHONPATH=tests $(BIN)/python benchmarks/$$name.py || exit; done
	for name in storms soak; do PYTHONPATH=tests $(BIN)/python benchmarks/$$name.py "$(DATA)" || exit; done

.PHONY: artefact
artefact: $(READY) ## Fit the built-in centroids anew; DATA=FOLDER names the examples
	@test -n "$(DATA)" || { echo "make artefact: say where the examples are, DATA=FOLDER" >&2; exit 2; }
	$(BIN)/semrouter fit --examples "$(DATA)/examples/mmlu_pro.jsonl.gz" --held-out \
		--origin "TIGER-AI-Lab/MMLU-Pro at f418b11, questions of the test split, about 70 % of them" \
		--licence "Apache-2.0 (dataset card: MIT)" --out src/semrouter_extproc/artefacts/mmlu-pro

.PHONY: envoy-config
envoy-config: $(READY) ## Write every generated Envoy bootstrap anew
	$(BIN)/semrouter envoy-config --config config/semrouter.yaml --out deploy/envoy/envoy.yaml
	$(BIN)/semrouter envoy-config --config deploy/compose/semrouter.yaml --out deploy/compose/envoy.yaml

.PHONY: check-arm64
check-arm64: ## Fetch the wheels that the image would have on arm64
	requirements/check_arm64.sh

.PHONY: chart-schema
chart-schema: $(READY) ## Write the Helm chart's schema of values anew
	$(BIN)/python deploy/k8s/values_schema.py

.PHONY: reference
reference: $(READY) ## Write docs/configuration.md and docs/metrics.md anew
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/metrics.py

.PHONY: faults
faults: $(READY) ## Do every fault to a router behind Envoys, and write docs/faults.md anew
	PYTHONPATH=tests $(BIN)/python docs/faults.py

.PHONY: sbom
sbom: $(READY) ## Write the images' bills of materials and docs/licences.md anew
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/sbom.lock
	$(BIN)/python deploy/sbom/sbom.py
	$(BIN)/python docs/licences.py

.PHONY: dashboard
dashboard: $(READY) ## Write Grafana's dashboard anew
	$(BIN)/python deploy/grafana/dashboard.py

.PHONY: test-lowest
test-lowest: .venv-lowest/.ready ## Run the tests that need no vLLM on the lowest dependencies
	.venv-lowest/bin/python -m pytest -m "not vllm" -W ignore::DeprecationWarning

.PHONY: lock
lock: $(READY) ## Resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(UV_COMPILE) --all-extras --group dev --output-file requirements/dev.lock
	$(UV_COMPILE) --all-extras --group dev --output-file requirements/lowest.lock \
		--resolution lowest-direct
	$(UV_COMPILE) --extra onnx --extra torch --extra otel --constraint requirements/dev.lock --no-annotate \
		--output-file requirements/runtime.lock
	$(UV_COMPILE) --extra onnx --extra otel --constraint requirements/dev.lock --no-annotate \
		--excludes requirements/onnx.excludes --output-file requirements/onnx.lock
	$(BIN)/uv pip compile requirements/fuzz.in --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --output-file requirements/fuzz.lock
	$(BIN)/uv pip compile requirements/sbom.in --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --constraint requirements/dev.lock \
		--output-file requirements/sbom.lock
	$(BIN)/uv pip compile requirements/export.in --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-deps --no-annotate \
		--constraint requirements/dev.lock --output-file requirements/export.lock
	cd src/semrouter_extproc/workbench/backend && { grep '^#' vllm.lock; \
		$(CURDIR)/$(BIN)/uv pip compile vllm.in --quiet --universal --python-version 3.11 \
		--excludes vllm.excludes --generate-hashes --no-annotate --no-header; } > vllm.lock.new && \
		mv vllm.lock.new vllm.lock
	cd tests/support && $(CURDIR)/$(BIN)/uv pip compile litellm.in --quiet --universal \
		--python-version 3.11 --excludes litellm.excludes --override litellm.overrides \
		--generate-hashes --no-annotate --no-header --output-file litellm.lock
	cd benchmarks/peer && $(CURDIR)/$(BIN)/uv pip compile semantic-router.in --quiet --universal \
		--python-version 3.11 --excludes semantic-router.excludes --generate-hashes \
		--no-annotate --no-header --output-file semantic-router.lock

.PHONY: clean
clean: ## Remove the environment and every cache in this folder
	rm -rf .venv .venv-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# torch comes first and by version only: its hash differs between the CPU and CUDA builds.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1) || \
		{ rm -rf $(1); echo "python3 -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(1)/bin/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(1)/bin/python -m pip install --require-hashes --no-deps -r $(2)
	$(1)/bin/python -m pip install --no-deps --no-build-isolation -e .
	@touch $(1)/.ready
endef

SOURCES := pyproject.toml hatch_build.py $(wildcard proto/*.proto)

.venv/.ready: requirements/dev.lock $(SOURCES)
	$(call environment,.venv,requirements/dev.lock)

.venv-lowest/.ready: requirements/lowest.lock $(SOURCES)
	$(call environment,.venv-lowest,requirements/lowest.lock)
