#!/bin/sh
# Installs exactly the versions of a lock into /opt/emotion, byte-compiled: docker/Dockerfile mounts this script.
set -eu
. /tools/bin/index.sh
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PYC_INVALIDATION_MODE=UNCHECKED_HASH
[ -d /opt/emotion ] || python3 -m uv venv --quiet --python /usr/bin/python3 /opt/emotion
python3 -m uv pip install --python /opt/emotion/bin/python --no-deps --compile-bytecode "$@"
rm -f /opt/emotion/.lock
# Headers for compiling operators, and tests that no module imports: 400 MB.
cd /opt/emotion/lib/python3*/site-packages
rm -rf tensorflow/include pandas/tests pyarrow/tests tests
for package in numpy scipy sklearn; do
  [ ! -d "$package" ] || find "$package" -type d -name tests -prune -exec rm -rf {} +
done
