#!/usr/bin/env bash
# The whole pipeline on the cluster of the current context, in a namespace of its own that is removed afterwards: `make e2e`.
# It needs `emotion` and `kubectl`. From the environment: EMOTION and KUBECTL (programs), EMOTION_CONTEXT, EMOTION_OVERLAY
# (local unless set), EMOTION_E2E_SCALE (jobs must work long enough to be stopped: more on faster machines, 4 unless set),
# KEEP=1 leaves the namespace.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/e2e_checks.sh
emotion=${EMOTION:-.venv/bin/emotion}
kubectl=("${KUBECTL:-kubectl}" ${EMOTION_CONTEXT:+--context "$EMOTION_CONTEXT"})
scale=${EMOTION_E2E_SCALE:-4}
export EMOTION_OVERLAY=${EMOTION_OVERLAY:-local}
export EMOTION_NAMESPACE=emotion-e2e-$$
work=$(mktemp -d)
training=(--data sample --set "training.epochs=$((8 * scale))")

finish() {
  code=$?
  kill $(jobs -p) 2> /dev/null || true
  if [ "$code" -ne 0 ]; then
    "$emotion" status >&2 || true
    echo "error: e2e failed with exit code $code; the last step is the one above" >&2
  fi
  if [ -z "${KEEP:-}" ]; then "${kubectl[@]}" delete namespace "$EMOTION_NAMESPACE" --ignore-not-found --wait=false >&2; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

step() { echo "== $* (after $SECONDS s)" >&2; }
in_namespace() { "${kubectl[@]}" --namespace "$EMOTION_NAMESPACE" "$@"; }

# exits WANTED WHAT COMMAND...: a command ends with an exit code; its messages are in $work/messages.
exits() {
  local code=0
  "${@:3}" 2> "$work/messages" || code=$?
  cat "$work/messages" >&2
  expect "exit code: $2" "$1" "$code"
}

# says WHAT TEXT: the messages of the last command have a text.
says() {
  grep --quiet --fixed-strings "$2" "$work/messages" || fail "$1: expected '$2' in its messages"
}

# await_log SELECTOR TEXT: wait until the log of a pod has a text.
await_log() {
  local deadline=$((SECONDS + 300))
  until in_namespace logs --selector "$1" --tail -1 2> /dev/null | grep "$2" > /dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || fail "no pod with the labels $1 has logged $2 in 300 seconds"
    sleep 0.1
  done
}

set_up() {
  local overlay=$work/k8s/overlays/e2e below=../../setup
  cp -r k8s "$work/k8s"
  mkdir "$overlay"
  if [ -d "$work/k8s/overlays/$EMOTION_OVERLAY/setup" ]; then below=../$EMOTION_OVERLAY/setup; fi
  printf 'resources: [%s]\nnamespace: %s\n' "$below" "$EMOTION_NAMESPACE" > "$overlay/kustomization.yaml"
  "${kubectl[@]}" kustomize "$overlay" > "$work/setup.yaml"
  "${kubectl[@]}" create --filename "$work/setup.yaml" >&2
}

put_sample() {
  "$emotion" data sample "$work/sample" > /dev/null
  mkdir "$work/thin"
  # Every tenth row is enough to show that the pipeline works.
  for split in train validation test; do
    sed --quiet '1~10p' "$work/sample/$split.txt" > "$work/thin/$split.txt"
  done
  cp "$work/sample/dataset.json" "$work/thin"
  "$emotion" put "$work/thin" sample
}

# start JOB...: submit a job, and do not follow it; $work/submitted has its name.
start() {
  "$emotion" submit "$@" --yes --no-follow --json > "$work/submitted"
}

# value KEY FILE: the first value of a key in a JSON file.
value() {
  sed --quiet "/\"$1\": /{s/.*\"$1\": \"\?\([^\",]*\).*/\1/p;q}" "$2" | grep . || fail "$2: expected the key $1 in it"
}

cancel_training() {
  local job code=0
  start lstm "${training[@]}"
  job=$(value job "$work/submitted")
  cancelled=lstm/$(value run "$work/submitted")
  "$emotion" logs "$job" --follow &> "$work/messages" &
  local follower=$!
  await_log "batch.kubernetes.io/job-name=$job" '"event": "epoch"'
  "$emotion" cancel "$job"
  wait "$follower" || code=$?
  cat "$work/messages" >&2
  expect "exit code of 'emotion logs --follow' for a cancelled training (0: it had ended before; set EMOTION_E2E_SCALE higher)" \
    75 "$code"
  says "a cancelled training" "job $job was cancelled"
  "$emotion" status --json > "$work/status"
  expect "jobs after the cancellation" "[]" "$(tr --delete '[:space:]' < "$work/status")"
}

# The cancelled training resumes.
train_and_compare() {
  "$emotion" pipeline ann lstm --no-prefetch --yes "${training[@]}" | tee "$work/table"
  for word in "val. accuracy" ann lstm; do
    grep --quiet --fixed-strings "$word" "$work/table" || fail "the table: expected '$word' in it"
  done
}

repeat_complete_run() {
  exits 0 "a complete run is submitted again" "$emotion" submit ann --yes "${training[@]}"
  says "a complete run is submitted again" "is complete: nothing to do"
}

sweep() {
  local epochs=$((8 * scale))
  "$emotion" sweep ann --cluster --data sample --yes --set "training.epochs=$epochs,1" > "$work/swept" 2> "$work/messages" \
    || { cat "$work/messages" >&2; fail "the sweep: expected exit code 0"; }
  cat "$work/swept"
  says "a sweep with a complete point" "is complete: nothing to do"
  for value in "$epochs" 1; do
    grep --quiet -E "^│ $value +│ 1 of 1 │" "$work/swept" || fail "the table of the sweep: expected a run for $value epochs"
  done
  expect "the best settings" "[training]" "$(grep --fixed-strings "[" "$work/swept")"
}

fetch_results() {
  "$emotion" fetch comparison "$work/comparison"
  winner=$(value run "$work/comparison/best.json")
  for run in "$cancelled" "$winner"; do
    [ -d "$work/runs/$run" ] || "$emotion" fetch "$run" "$work/runs/$run"
  done
  expect "resumes of the cancelled training" 1 "$(value resumes "$work/runs/$cancelled/metrics.json")"
}

write_inbox() {
  mkdir "$work/inbox"
  # The sample's own rows are text;label. Another first column in every round makes all rows different.
  {
    echo "round;text;gold"
    for round in $(seq $((2 * scale))); do sed "s/^/$round;/" "$work"/sample/*.txt; done
  } > "$work/inbox/large.csv"
  cat > "$work/inbox/quoted.csv" << 'CSV'
id,text,note
007,"I cried, and she left; I am so sad",a;b
8,"they lied to me ""again"" and I am furious","with ""quotes"", and a comma"
9,"this has
two lines: I am happy",
 10 ,I did not expect this: ünïcödé 🎉,"  spaces  "
11,'single' quotes and a \ backslash make me nervous,"1,5"
CSV
  printf '%b' 'id,text\n1,I am happy\n2,\n3,"I, too, am happy"\n4,one,cell too many\n5,caf\xe9 makes me sad\n' \
    > "$work/inbox/bad.csv"
  printf '%b' 'line,reason,record\n3,empty text,"2,"\n5,3 fields where the header has 2,"4,one,cell too many"\n' \
    '6,undecodable bytes in the text,"5,caf\xe9 makes me sad"\n' \
    > "$work/known-errors.csv"
  "$emotion" put "$work/inbox" inputs/inbox
}

# Somebody deletes the pod of a shard at work. The Job goes on.
classify_in_shards() {
  local job shard
  start classify --input inbox --shards 3
  job=$(value job "$work/submitted")
  shard=batch.kubernetes.io/job-name=$job,batch.kubernetes.io/job-completion-index=0
  await_log "$shard" '"event": "open", .*large.csv'
  in_namespace delete pod --selector "$shard" >&2
  exits 0 "a classification that loses a pod" "$emotion" logs "$job" --follow
  expect "failed pods of $job (none: the shard had ended before; set EMOTION_E2E_SCALE higher)" 1 \
    "$(in_namespace get job "$job" --output 'jsonpath={.status.failed}')"
}

check_predictions() {
  "$emotion" fetch predictions/inbox "$work/labelled"
  "$emotion" classify "$work/inbox" "$work/here" --model "$work/runs/$winner" --precision auto --device cpu
  same_names "files of predictions/inbox" "$work/here" "$work/labelled"
  same_bytes "errors of bad.csv" "$work/known-errors.csv" "$work/labelled/bad.csv.errors.csv"
  check_file large.csv ';' 0 "$work/inbox" "$work/labelled" "$work/here"
  check_file quoted.csv ',' 0 "$work/inbox" "$work/labelled" "$work/here"
  check_file bad.csv ',' 3 "$work/inbox" "$work/labelled" "$work/here"
}

lack_data() {
  exits 66 "a data set that is not there" "$emotion" submit ann --data nowhere --yes
}

step "setup in $EMOTION_NAMESPACE"; set_up
step "put the sample corpus"; put_sample
step "cancel a training at work"; cancel_training
step "train, compare, print the table; the cancelled training resumes"; train_and_compare
step "a run that is complete ends at once"; repeat_complete_run
step "sweep: one point is complete, the other is trained"; sweep
step "fetch the comparison and the runs"; fetch_results
step "put files to classify"; write_inbox
step "classify a folder in three shards, and lose one pod"; classify_in_shards
step "hold every byte against the same model here"; check_predictions
step "bad data fails with its own code, and is not tried again"; lack_data
step "all is well"
