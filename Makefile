# The main tasks: `make demo` shows the project, `make train MODEL=lstm` trains, `make test` checks.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-machine test-browser test-gpu figures soak check-classify lint audit train aggregate classify bench bench-torch lock clean

# The first Python with venv and with TensorFlow wheels for its version.
GOOD := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c "$(GOOD)" 2> /dev/null && echo $$python && break; done)
VENV := .venv
LOCKS := docker/locks
READY := $(VENV)/.ready
EMOTION := $(VENV)/bin/emotion
STORE ?= store
DATA ?=
export EMOTION_STORE ?= $(STORE)

include docker/images.mk
include k8s/cluster.mk

help:  ## List the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Install everything into .venv/, exact versions with hashes

$(READY): pyproject.toml $(LOCKS)/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 with venv is needed: apt-get install python3-venv, or PYTHON="; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --require-hashes --no-deps --requirement $(LOCKS)/dev.txt
	$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## Train a linear model, ANN and LSTM, compare them, classify a CSV; writes only build/demo/ (DATA= for other data)
	@EMOTION=$(EMOTION) DATA="$(DATA)" tests/demo.sh

# Independent of the locale's encoding.
test test-machine test-browser test-images: export PYTHONUTF8 = 1

# A test that exceeds its time limit fails with its name, and the other tests continue.
test: setup lint  ## Lint, type-check and run the tests
	$(VENV)/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 15 \
	  -o faulthandler_timeout=720 -o faulthandler_exit_on_timeout=true

test-machine: setup  ## Tests that need root (sudo): full and read-only file systems, memory limits; also git and IPv6
	$(if $(filter-out 0,$(shell id -u)),sudo env PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1) \
	  $(VENV)/bin/pytest -p no:cacheprovider -m machine

test-browser: setup  ## Test the report in the machine's Chromium (EMOTION_BROWSER= names another browser)
	$(VENV)/bin/pytest -m browser

# The last line needs onnxruntime-gpu instead of onnxruntime (from docker/locks/classify-cuda.txt).
test-gpu: setup  ## Tests on a GPU: MiniLM trains, XLA compiles, float16 classifies like float32 (untested by us)
	$(EMOTION) data sample build/gpu/sample
	$(EMOTION) train minilm --data build/gpu/sample --store build/gpu/store --run half \
	  --set resources.device=gpu --set export.float16=true
	$(EMOTION) train lstm --data build/gpu/sample --store build/gpu/store --set resources.device=gpu
	$(VENV)/bin/python -m tests.gpu_precision build/gpu/store/runs/minilm/half

soak: setup  ## Kill trainings, classifications and aggregations, and compare the results with undisturbed runs (SOAK_HOURS=, SOAK_SHARDS=)
	$(VENV)/bin/python -m tests.soak --hours $(or $(SOAK_HOURS),0) --shards $(or $(SOAK_SHARDS),0)

check-classify: setup  ## Classify 10,000 generated files and check every byte of every output (FILES=, SEED=)
	$(VENV)/bin/python -m tests.classify.many_files --files $(or $(FILES),10000) --seed $(or $(SEED),0)

lint: setup build/lint/.ready audit k8s-lint  ## ruff, mypy --strict, import-linter, hadolint, checkov, the audit
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache --no-logo
	build/lint/bin/hadolint docker/Dockerfile
	build/lint/bin/checkov --framework dockerfile --directory docker --skip-download --compact --quiet

audit: build/audit/.ready  ## Check the locked versions for published vulnerabilities, if their list is reachable
	build/audit/bin/python docker/audit.py $(LOCKS)/*.txt

# Separate environments: these tools' dependencies conflict with ours, and most are never imported.
build/%/.ready: $(LOCKS)/%.txt
	$(PYTHON) -m venv build/$*
	build/$*/bin/pip install --quiet --no-compile --require-hashes --no-deps --requirement $<
	@touch $@

train: setup  ## Train one model: MODEL=linear|ann|lstm|bert|distilbert|albert|mobilebert|minilm DATA=DIR [STORE=store]
	$(EMOTION) train $(or $(MODEL),$(error MODEL= is missing, such as MODEL=ann)) --data $(or $(DATA),$(error DATA= is missing: a folder with train, validation and test))

aggregate: setup  ## Compare all complete runs in STORE=
	$(EMOTION) aggregate

classify: setup  ## Classify INPUT= into OUTPUT= with the winner of STORE=
	$(EMOTION) classify $(or $(INPUT),$(error INPUT= is missing)) $(or $(OUTPUT),$(error OUTPUT= is missing))

FIGURES := .github/figures

figures: setup  ## Draw the charts of the README files from DATA= (the emotion data set) and the runs in STORE=
	$(EMOTION) explore --data $(or $(DATA),$(error DATA= is missing: the emotion data set)) --out build/explore
	$(EMOTION) aggregate --all
	mkdir -p $(FIGURES)
	cd build/explore && cp labels.svg wordcloud.svg vocabulary.svg lengths.svg $(CURDIR)/$(FIGURES)
	cd "$(STORE)/comparison/figures" && cp accuracy.svg speed.svg $(CURDIR)/$(FIGURES)

bench: setup  ## Measure training, scalars, classification, shards, checkpoints, memory and the report (DATA=DIR; two hours on an idle machine)
	$(VENV)/bin/python tests/benchmarks/training.py --data $(or $(DATA),$(error DATA= is missing: the emotion data set))
	$(VENV)/bin/python tests/benchmarks/scalars.py --data $(DATA)
	$(EMOTION) train ann --data $(DATA) --store build/bench --run bench
	$(VENV)/bin/python tests/benchmarks/classify.py --model build/bench/runs/ann/bench
	$(VENV)/bin/python -m tests.benchmarks.classify_peers --model build/bench/runs/ann/bench --data $(DATA)
	$(VENV)/bin/python -m tests.benchmarks.shards --model build/bench/runs/ann/bench --commas
	$(VENV)/bin/python tests/benchmarks/checkpoints.py --data $(DATA)
	$(VENV)/bin/python tests/benchmarks/memory.py
	$(VENV)/bin/python -m tests.benchmarks.report

TORCH := torch==2.13.0 numpy

bench-torch: setup build/torch/.ready build/optimum/.ready  ## Measure MiniLM against PyTorch and optimum (DATA=DIR; an hour)
	$(VENV)/bin/python tests/benchmarks/finetuning.py --torch build/torch/bin/python --data $(or $(DATA),$(error DATA= is missing: the emotion data set))
	$(EMOTION) train minilm --data $(DATA) --store build/bench --run bench
	$(VENV)/bin/python tests/benchmarks/exported.py --run build/bench/runs/minilm/bench --optimum build/optimum/bin/python --data $(DATA)
	$(VENV)/bin/python -m tests.benchmarks.classify_transformers --run build/bench/runs/minilm/bench --data $(DATA) \
	  --torch build/torch/bin/python --optimum build/optimum/bin/python

# Separate environments: ours has no PyTorch, and optimum needs an older transformers.
build/torch/.ready:
	$(PYTHON) -m venv build/torch
	build/torch/bin/pip install --quiet $(TORCH) transformers==5.23.0
	@touch $@

build/optimum/.ready:
	$(PYTHON) -m venv build/optimum
	build/optimum/bin/pip install --quiet $(TORCH) optimum-onnx==0.1.0 onnxruntime
	@touch $@

COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --no-annotate
# The images have the versions of the tests: dev.txt comes first and constrains the other locks.
LIKE_DEV = $(COMPILE) --constraint $(LOCKS)/dev.txt --override $(LOCKS)/overrides.in

lock: setup  ## Resolve docker/locks again from pyproject.toml
	$(COMPILE) --override $(LOCKS)/overrides.in --override $(LOCKS)/tensorflow-cpu-overrides.in \
	  pyproject.toml --extra dev $(LOCKS)/tensorflow-cpu.in --output-file $(LOCKS)/dev.txt
	$(LIKE_DEV) pyproject.toml --extra gpu --output-file $(LOCKS)/train-cuda.txt
	$(LIKE_DEV) --override $(LOCKS)/tensorflow-cpu-overrides.in \
	  pyproject.toml --extra train $(LOCKS)/tensorflow-cpu.in --output-file $(LOCKS)/train-cpu.txt
	$(LIKE_DEV) pyproject.toml --output-file $(LOCKS)/classify-cpu.txt
	$(LIKE_DEV) --override $(LOCKS)/onnxruntime-gpu-overrides.in \
	  pyproject.toml $(LOCKS)/onnxruntime-gpu.in --output-file $(LOCKS)/classify-cuda.txt
	$(LIKE_DEV) $(LOCKS)/build.in --output-file $(LOCKS)/build.txt
	$(COMPILE) $(LOCKS)/lint.in --output-file $(LOCKS)/lint.txt
	$(COMPILE) $(LOCKS)/audit.in --output-file $(LOCKS)/audit.txt

clean:  ## Remove build/, caches and .venv/ (never STORE)
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
