#!/bin/sh
# Compares a lock with the index: every version and hash must exist there. No package is downloaded.
#   verify.sh LOCK
set -eu
. /tools/bin/index.sh
work=$(mktemp -d)
python3 -m uv pip compile --quiet --universal --python-version 3.11 --no-deps --generate-hashes --no-emit-index-url \
  --no-header --no-annotate "$1" > "$work/published"
# The last hash of an entry has no backslash, and the index may have newer files.
for lock in "$1" "$work/published"; do sed 's/ *\\$//' "$lock" | sort -u > "$work/$(basename "$lock").sorted"; done
comm -23 "$work/$(basename "$1").sorted" "$work/published.sorted" > "$work/absent"
if [ -s "$work/absent" ]; then
  echo "the index does not have what the lock names:" >&2
  cat "$work/absent" >&2
  exit 65
fi
