#!/usr/bin/env bash
# Runs an image like a cluster: no root, no privileges, only /tmp and mounts are writable.
#   docker/run.sh IMAGE [OPTION of docker run]... -- [ARGUMENT of emotion]...
# A mount's source may be relative (-v store:/store). From the environment: GPUS (all, or a CDI device such as
# nvidia.com/gpu=all), MEMORY (6g), NETWORK (none), DOCKER, RUN_AS (UID:GID; default: yours, also under
# sudo; 0:0 with a rootless engine, where root is you).
set -euo pipefail
docker=${DOCKER:-docker}
image=${1:?which image?}
shift

options=(
  --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges
  --network "${NETWORK:-none}" --stop-timeout 60 --user "${RUN_AS:-${SUDO_UID:-$(id -u)}:${SUDO_GID:-$(id -g)}}" --interactive
)
if [ -t 0 ] && [ -t 1 ]; then options+=(--tty); fi
# NCCL passes data between GPUs through /dev/shm, which has only 64 MB by default.
case "${GPUS:-}" in
  "") ;;
  */*=*) options+=(--device "$GPUS" --shm-size 1g) ;;
  *) options+=(--gpus "$GPUS" --shm-size 1g) ;;
esac
if [ -n "${MEMORY:-}" ]; then options+=(--memory "$MEMORY" --memory-swap "$MEMORY"); fi
before=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  if [ "$before" = -v ] && [ "${1#/}" = "$1" ]; then options+=("$PWD/$1"); else options+=("$1"); fi
  before=$1
  shift
done
[ "${1:-}" = -- ] && shift

if ! "$docker" image inspect "$image" > /dev/null 2>&1 && ! "$docker" pull --quiet "$image" >&2; then
  echo "error: there is no image $image on this machine or in a registry" >&2
  echo "  try: make images with the same VARIANT= (cpu or cuda)" >&2
  exit 69
fi
container=$("$docker" create "${options[@]}" "$image" "$@")
state() { "$docker" inspect --format "{{.State.$1}}" "$container"; }
# Watches in the background, so `docker start` may replace this process and get signals and exit code directly.
(
  while [ "$(state Status)" = created ] && kill -0 $$; do sleep 0.1; done
  "$docker" wait "$container"
  if [ "$(state OOMKilled)" = true ]; then
    echo "error: the container reached its memory limit, and its process was killed (exit 137)" >&3
    echo "  try: start it again, then training splits batches further; or raise the memory limit" >&3
  fi
  "$docker" rm --force "$container"
) < /dev/null 3>&2 > /dev/null 2>&1 &
exec "$docker" start --attach --interactive "$container"
