# Jobs on a cluster through `emotion`, and the checks of the manifests. The Makefile includes this file.
.PHONY: submit pipeline status logs cancel aggregate-job classify-job render k8s-lint local-cluster e2e

# The commands read these variables.
export EMOTION_NAMESPACE ?= $(or $(NAMESPACE),emotion)
ifneq ($(OVERLAY),)
export EMOTION_OVERLAY ?= $(OVERLAY)
endif
KUBECTL ?= $(or $(shell command -v kubectl 2> /dev/null),$(VENV)/bin/kubectl)
KIND_CLUSTER ?= emotion

submit: setup  ## Train on the cluster: MODEL=bert (or all) [DATA=emotion, a name in the store] [OVERLAY=local] [ARGS=]
	$(EMOTION) submit $(call need,MODEL,bert) $(if $(DATA),--data $(DATA)) $(ARGS)

pipeline: setup  ## Prefetch, train MODELS= side by side, compare, print the table [DATA=emotion] [ARGS=--no-prefetch]
	$(EMOTION) pipeline $(call need,MODELS,ann lstm) $(if $(DATA),--data $(DATA)) $(ARGS)

status: setup  ## How the cluster's jobs stand [ARGS=--watch]
	$(EMOTION) status $(ARGS)

logs: setup  ## What a job's pods log: RUN=bert/s1-0a1b2c3d [ARGS=-f]
	$(EMOTION) logs $(call need,RUN,bert) $(ARGS)

cancel: setup  ## Stop a job, with a checkpoint: RUN=
	$(EMOTION) cancel $(call need,RUN,bert)

aggregate-job: setup  ## Compare all complete runs, on the cluster
	$(EMOTION) submit aggregate $(ARGS)

classify-job: setup  ## Classify the store's inputs/INPUT on the cluster: INPUT=inbox [SHARDS=4]
	$(EMOTION) submit classify --input $(call need,INPUT,inbox) --shards $(or $(SHARDS),4) $(ARGS)

render: $(READY)  ## Print the manifest of one job: MODEL=bert, or prefetch, aggregate, classify
	@$(KUBECTL) kustomize jobs/$(call need,MODEL,bert)

k8s-lint: $(READY) build/lint/.ready  ## Hold all manifests against checkov (make test: against the API's schemas, too)
	@rm -rf build/k8s && $(VENV)/bin/python -m tests.cluster.renderings build/k8s
	build/lint/bin/checkov --framework kubernetes --directory build/k8s --config-file k8s/checkov.yaml

local-cluster:  ## Create a kind cluster with the images for the CPU in it (needs kind and docker)
	@command -v kind > /dev/null || { echo "error: there is no kind here" >&2; echo "  try: see kind.sigs.k8s.io, or use any cluster" >&2; exit 69; }
	kind get clusters | grep -qx $(KIND_CLUSTER) || kind create cluster --name $(KIND_CLUSTER)
	$(MAKE) images VARIANT=cpu
	kind load docker-image --name $(KIND_CLUSTER) emotion-train:$(VERSION)-cpu emotion-classify:$(VERSION)-cpu
	kubectl apply -k k8s/overlays/local/setup

e2e: setup  ## The whole pipeline on the current context's cluster, in a namespace of its own, which is removed [OVERLAY=local]
	@EMOTION=$(EMOTION) KUBECTL=$(KUBECTL) tests/e2e.sh
