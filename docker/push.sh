#!/usr/bin/env bash
# Pushes both images, and writes their digests into the component with all jobs' images.
#   docker/push.sh REGISTRY TAG TRAIN_IMAGE CLASSIFY_IMAGE
set -euo pipefail
docker=${DOCKER:-docker}
registry=$1 tag=$2 train=$3 classify=$4
component=k8s/components/images/kustomization.yaml

push() {
  local target=$registry/$1
  "$docker" tag "$2" "$target:$tag"
  "$docker" push "$target:$tag" >&2
  "$docker" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$2" | sed -n "s|^$target@||p" | tail -n 1
}

train_digest=$(push emotion-train "$train")
classify_digest=$(push emotion-classify "$classify")
[ -n "$train_digest" ] && [ -n "$classify_digest" ] || { echo "error: the engine reported no digest for a pushed image" >&2; exit 70; }
cat > "$component.new" <<YAML
# Which images the jobs run; \`make push REGISTRY=... TAG=...\` writes it.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: emotion-train
    newName: $registry/emotion-train
    digest: $train_digest
  - name: emotion-classify
    newName: $registry/emotion-classify
    digest: $classify_digest
YAML
mv "$component.new" "$component"
echo "$component names what was pushed"
