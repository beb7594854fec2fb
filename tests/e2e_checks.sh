# shellcheck shell=bash
# Checks for tests/e2e.sh. A check that fails says what it expected and found, and ends the script with exit code 70.
labels='anger|fear|joy|love|sadness|surprise'
score='(0\.[0-9]+|1(\.0+)?)'

fail() {
  echo "error: $*" >&2
  exit 70
}

# expect WHAT WANTED FOUND: two words are equal.
expect() {
  [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"
}

# same_bytes WHAT WANTED FOUND: two files are equal.
same_bytes() {
  diff --text "$2" "$3" > "$3.difference" || fail "$1: lines differ (< expected, > found):
$(head --lines 6 "$3.difference")"
  rm "$3.difference"
}

# same_names WHAT WANTED FOUND: two folders have files of the same names.
same_names() {
  expect "$1" "$(cd "$2" && find . -type f | sort)" "$(cd "$3" && find . -type f | sort)"
}

# rows_kept INPUT OUTPUT DELIMITER: without label and score, the output is the input: every row, in order, by its bytes.
rows_kept() {
  LC_ALL=C sed --regexp-extended --expression "1s/$3label$3score\$//" \
    --expression "2,\$s/$3(($labels)$3$score|$3)\$//" "$2" > "$2.rows"
  same_bytes "the rows of $(basename "$2") are not those of the input" "$1" "$2.rows"
  rm "$2.rows"
}

# unlabelled OUTPUT DELIMITER WANTED: so many rows have no label.
unlabelled() {
  expect "rows of $(basename "$1") without a label" "$3" "$(LC_ALL=C grep --text --count "$2$2\$" "$1" || true)"
}

# same_labels NAME DELIMITER HERE OUTPUT: without scores, two outputs are equal.
same_labels() {
  for output in "$3" "$4"; do
    LC_ALL=C sed --regexp-extended "s/($2($labels)$2)$score\$/\1/" "$output" > "$output.labels"
  done
  same_bytes "$1 has other labels than the same model gives here" "$3.labels" "$4.labels"
  rm "$3.labels" "$4.labels"
}

# close_scores NAME DELIMITER HERE OUTPUT: two outputs with equal labels have scores within 0.0001. Another processor
# than this machine's rounds differently.
close_scores() {
  local far
  far=$(LC_ALL=C paste -d '\n' <(LC_ALL=C awk -F "$2" '{ print $NF }' "$3") <(LC_ALL=C awk -F "$2" '{ print $NF }' "$4") \
    | LC_ALL=C awk 'NR % 2 { here = $0; next } here - $0 > 0.0001 || $0 - here > 0.0001 { print here " here, " $0 }' \
    | head --lines 3)
  [ -z "$far" ] || fail "$1 has other scores than the same model gives here: $far"
}

# check_file NAME DELIMITER UNLABELLED INPUTS OUTPUTS HERE: an output has its input's rows, and the labels and scores of
# the same model in the folder HERE; so many rows have none.
check_file() {
  unlabelled "$5/$1" "$2" "$3"
  rows_kept "$4/$1" "$5/$1" "$2"
  same_labels "$1" "$2" "$6/$1" "$5/$1"
  close_scores "$1" "$2" "$6/$1" "$5/$1"
}
