# The images: build, run on one machine, push. These targets need only Docker; the Makefile includes them.
.PHONY: images image-train image-classify docker-train docker-classify docker-aggregate docker-demo image-sizes sbom push test-images

DOCKER ?= docker
BASE ?= debian:bookworm-slim
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' emotion/__init__.py)
# Without locking the index: an interrupted make would leave the lock behind.
GIT := git --no-optional-locks
CHANGES := $(shell $(GIT) status --porcelain --untracked-files=no 2> /dev/null)
REVISION := $(or $(shell $(GIT) rev-parse HEAD 2> /dev/null),unknown)$(if $(CHANGES),-dirty)
# Origin of the checkout, without a password.
SOURCE ?= $(shell git config --get remote.origin.url 2> /dev/null | sed 's|//[^/@]*@|//|')
# By default training uses CUDA, and classifying uses CUDA only with GPUS=. VARIANT= (cuda or cpu) sets both.
TRAIN_VARIANT := $(or $(VARIANT),cuda)
CLASSIFY_VARIANT := $(or $(VARIANT),$(if $(GPUS),cuda,cpu))
TRAIN_IMAGE ?= emotion-train:$(VERSION)-$(TRAIN_VARIANT)
CLASSIFY_IMAGE ?= emotion-classify:$(VERSION)-$(CLASSIFY_VARIANT)
export DOCKER GPUS MEMORY RUN_AS

# PIP_CERT (a bundle of certificates) and PIP_INDEX_URL are passed as secrets: no layer contains them.
BUILD = DOCKER_BUILDKIT=1 $(DOCKER) build $(BUILD_FLAGS) --file docker/Dockerfile \
  --build-arg BASE=$(BASE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --build-arg SOURCE=$(SOURCE) \
  $(if $(wildcard $(PIP_CERT)),--secret id=ca$(,)src=$(PIP_CERT)) \
  $(if $(PIP_INDEX_URL),--secret id=index$(,)env=PIP_INDEX_URL)
, := ,
need = $(or $($(1)),$(error $(1)= is missing, such as $(1)=$(2)))

images: image-train image-classify  ## Build both images (VARIANT=cpu|cuda; default: training with CUDA, classifying without)

image-train:  ## Build the training image (default VARIANT=cuda, BASE=debian:bookworm-slim)
	$(BUILD) --build-arg IMAGE=train --build-arg VARIANT=$(TRAIN_VARIANT) --tag $(TRAIN_IMAGE) .

image-classify:  ## Build the classifying image (default VARIANT=cpu)
	$(BUILD) --build-arg IMAGE=classify --build-arg VARIANT=$(CLASSIFY_VARIANT) --tag $(CLASSIFY_IMAGE) .

docker-train:  ## Train in a container: MODEL= DATA= [STORE=store] [GPUS=all] [MEMORY=6g] [NETWORK=none] [ARGS=]
	@mkdir -p "$(STORE)"
	@NETWORK=$(or $(NETWORK),bridge) docker/run.sh $(TRAIN_IMAGE) \
	  -v "$(call need,DATA,data/emotion):/data/$(notdir $(DATA:/=)):ro" -v "$(STORE):/store" -- \
	  train $(call need,MODEL,ann) --data "/data/$(notdir $(DATA:/=))" $(ARGS)

docker-aggregate:  ## Compare all complete runs of STORE= in a container
	@docker/run.sh $(CLASSIFY_IMAGE) -v "$(STORE):/store" -- aggregate $(ARGS)

docker-classify:  ## Classify INPUT= into OUTPUT= in a container, with the winner of STORE= [GPUS=all]
	@mkdir -p "$(dir $(call need,OUTPUT,out.csv))"
	@docker/run.sh $(CLASSIFY_IMAGE) -v "$(STORE):/store:ro" \
	  -v "$(dir $(call need,INPUT,in.csv)):/input:ro" -v "$(dir $(OUTPUT)):/output" -- \
	  classify "/input/$(notdir $(INPUT))" "/output/$(notdir $(OUTPUT))" $(ARGS)

DEMO_OPTIONS = -e EMOTION_STORE -v build/demo:/work/build/demo $(if $(DATA),-v $(DATA):/data:ro) --

docker-demo:  ## make demo in containers, without a network (DATA= for other data)
	@mkdir -p build/demo
	@EMOTION="docker/run.sh $(TRAIN_IMAGE) $(DEMO_OPTIONS)" EMOTION_LIGHT="docker/run.sh $(CLASSIFY_IMAGE) $(DEMO_OPTIONS)" \
	  DATA=$(if $(DATA),/data) tests/demo.sh

image-sizes:  ## Print the size of every layer of the images
	@for image in $(TRAIN_IMAGE) $(CLASSIFY_IMAGE); do \
	  $(DOCKER) image inspect $$image > /dev/null || { echo "make images builds it" >&2; exit 1; }; \
	  echo "$$image: $$($(DOCKER) image inspect --format '{{.Size}}' $$image | awk '{printf "%.0f MB", $$1 / 1e6}')"; \
	  $(DOCKER) history --format '{{.Size}}\t{{.CreatedBy}}' $$image | grep -v '^0B' | sed 's|/bin/sh -c ||' | cut -c 1-110; \
	done

sbom: build/audit/.ready  ## Write the images' contents from the locks to build/sbom/, as CycloneDX
	@mkdir -p build/sbom
	@set -e; for name in train-cuda train-cpu classify-cuda classify-cpu; do \
	  build/audit/bin/python docker/entries.py $(LOCKS)/$$name.txt > build/sbom/lock.txt; \
	  PYTHONWARNINGS=ignore build/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --sv 1.6 \
	    --output-reproducible -o build/sbom/emotion-$$name.cdx.json build/sbom/lock.txt; \
	  rm build/sbom/lock.txt; echo build/sbom/emotion-$$name.cdx.json; \
	done

push:  ## Push both images to REGISTRY= as TAG=, and write their digests into k8s/components/images
	@docker/push.sh "$(call need,REGISTRY,registry.example.org/team)" "$(call need,TAG,$(VERSION))" $(TRAIN_IMAGE) $(CLASSIFY_IMAGE)

test-images: setup  ## Build both CPU images and test docker/README.md's claims in running containers
	@if $(DOCKER) info > /dev/null 2>&1; then \
	  $(MAKE) images VARIANT=cpu && TRAIN_IMAGE=emotion-train:$(VERSION)-cpu CLASSIFY_IMAGE=emotion-classify:$(VERSION)-cpu \
	    $(VENV)/bin/pytest -m images tests/images; \
	elif [ -n "$$CI" ]; then echo "no container engine answers ($(DOCKER) info)" >&2; exit 1; \
	else echo "skipped: no container engine answers ($(DOCKER) info)"; fi
