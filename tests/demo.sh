#!/usr/bin/env bash
# The main job end to end: data, three models, one table, a CSV classified by the winner. Called by `make demo` and,
# with commands that run containers, by `make docker-demo`.
set -euo pipefail
read -ra emotion <<< "${EMOTION:?names the command that trains}"
read -ra light <<< "${EMOTION_LIGHT:-$EMOTION}"  # that compares and classifies
folder=build/demo
export EMOTION_STORE=$folder/store

mkdir -p "$folder"
if [ -n "${DATA:-}" ]; then
  data=$DATA
else
  data=$folder/data
  "${emotion[@]}" data sample "$data"
fi
started=$SECONDS
"${emotion[@]}" explore --data "$data" --out "$folder/explore"
"${emotion[@]}" train linear --data "$data"
"${emotion[@]}" train ann --data "$data"
"${emotion[@]}" train lstm --data "$data"
"${light[@]}" aggregate --expect linear,ann,lstm

cat > "$folder/in.csv" <<'CSV'
id,text
1,"i was afraid at first, but now i am so happy"
2,i miss her and i cannot stop crying
3,"they lied to me ""again"" and i am furious"
4,i did not expect this at all and i am amazed
5,i feel so close to you and i adore you
6,
7,i am nervous about tomorrow
CSV
"${light[@]}" classify "$folder/in.csv" "$folder/out.csv"
# The best for the money, where that is a cascade or an ensemble.
value=$(sed -n '/"best_value": {/,/"kind"/s/.*"name": "\(.*\)".*/\1/p' "$EMOTION_STORE/comparison/composites.json")
: "${value:?composites.json names no best_value}"
if [[ $value == *:* ]]; then
  "${light[@]}" classify "$folder/in.csv" "$folder/out-composite.csv" --model "$value"
fi
echo
cat "$folder/out.csv"
echo
echo "Done in $((SECONDS - started)) s. Look at:"
echo "  $folder/explore/   the data in figures"
echo "  $folder/store/runs/   weights, metrics, figures and the ONNX model of each run"
echo "  $folder/out.csv   the CSV with label and score"
[[ $value != *:* ]] || echo "  $folder/out-composite.csv   the same from $value"
echo "and at the report, in a browser: which model to deploy, and how sure that is"
echo "  $folder/store/comparison/comparison.html"
