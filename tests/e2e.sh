#!/usr/bin/env bash
# The whole pipeline on the cluster of the current context, in a namespace of its own that is removed afterwards: `make e2e`.
# From the environment: EMOTION and KUBECTL (programs), EMOTION_OVERLAY (local unless set), KEEP=1 leaves the namespace.
set -euo pipefail
cd "$(dirname "$0")/.."
emotion=${EMOTION:-.venv/bin/emotion}
kubectl=${KUBECTL:-kubectl}
export EMOTION_OVERLAY=${EMOTION_OVERLAY:-local}
export EMOTION_NAMESPACE=emotion-e2e-$$
work=$(mktemp -d)
setup=$work/k8s/overlays/e2e

finish() {
  code=$?
  if [ "$code" -ne 0 ]; then "$emotion" status >&2 || true; echo "error: e2e failed; the last step is the one above" >&2; fi
  if [ -z "${KEEP:-}" ]; then "$kubectl" delete namespace "$EMOTION_NAMESPACE" --ignore-not-found --wait=false >&2; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
step() { echo "== $*" >&2; }
fail() { echo "error: $*" >&2; exit 70; }

step "setup in $EMOTION_NAMESPACE"
cp -r k8s "$work/k8s"
mkdir "$setup"
below=../../setup
if [ -d "$work/k8s/overlays/$EMOTION_OVERLAY/setup" ]; then below=../$EMOTION_OVERLAY/setup; fi
printf 'resources: [%s]\nnamespace: %s\n' "$below" "$EMOTION_NAMESPACE" > "$setup/kustomization.yaml"
"$kubectl" kustomize "$setup" > "$work/setup.yaml"
"$kubectl" create --filename "$work/setup.yaml" >&2

step "put the sample corpus"
"$emotion" data sample "$work/sample" > /dev/null
# Every tenth row is enough to show that the pipeline works.
for split in "$work"/sample/*.txt; do sed --in-place --quiet '1~10p' "$split"; done
"$emotion" put "$work/sample" sample

step "train, compare, print the table"
"$emotion" pipeline ann lstm --data sample --no-prefetch --yes --set training.epochs=2 | tee "$work/table"
grep -q "val. accuracy" "$work/table" || fail "there is no table"

step "a run that is complete ends at once"
"$emotion" submit ann --data sample --yes --set training.epochs=2 2>&1 | tee "$work/again"
grep -q "is complete: nothing to do" "$work/again" || fail "the complete run was trained again"

step "classify a folder in three shards"
mkdir "$work/inbox"
{ echo "id,text"; cut -d ';' -f 1 "$work/sample/test.txt" | awk '{ print NR "," $0 }'; } > "$work/inbox/in.csv"
"$emotion" put "$work/inbox" inputs/inbox
"$emotion" submit classify --input inbox --shards 3 --yes
"$emotion" fetch predictions/inbox "$work/labelled"
[ "$(wc -l < "$work/labelled/in.csv")" -eq "$(wc -l < "$work/inbox/in.csv")" ] || fail "rows are missing"
[ "$(head -n 1 "$work/labelled/in.csv")" = "id,text,label,score" ] || fail "the columns are wrong"

step "fetch a run and the comparison"
run=$("$emotion" runs list --cluster --json | sed -n 's/.*"run": "\(ann[^"]*\)".*/\1/p' | head -n 1)
"$emotion" fetch "$run" "$work/run"
"$emotion" fetch comparison "$work/comparison"
[ -s "$work/run/model/model.onnx" ] && [ -s "$work/run/metrics.json" ] && [ -s "$work/comparison/best.json" ] || fail "files are missing"
"$emotion" classify "$work/inbox/in.csv" "$work/mine.csv" --model "$work/run" 2> /dev/null || fail "the fetched model does not classify"

step "bad data fails with its own code, and is not tried again"
code=0
"$emotion" submit ann --data nowhere --yes 2> "$work/bad" || code=$?
[ "$code" -eq 66 ] || { cat "$work/bad" >&2; fail "a data set that is not there ended with $code, and not with 66"; }

step "all is well"
