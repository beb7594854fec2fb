# Trains, exports, evaluates and compares: TensorFlow with CUDA, or for the CPU only (VARIANT=cpu). See `make image-train`.
ARG BASE=debian:bookworm-slim
ARG VARIANT=cuda

# BASE has a tag, or better a digest.
# checkov:skip=CKV_DOCKER_7:the tag is in BASE
FROM ${BASE} AS python
# Fonts: for the figures of texts in other scripts than matplotlib's own font has.
# Debian keeps only the newest version of a package, so a pinned one is soon gone; the base image is what pins them.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates fonts-droid-fallback fonts-noto-core python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc/* /usr/share/man/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

# What builds, and never gets into the image.
FROM python AS tools
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY docker/locks/build.txt /locks/
RUN --mount=type=secret,id=ca --mount=type=secret,id=index \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -f /run/secrets/index ]; then PIP_INDEX_URL=$(cat /run/secrets/index); export PIP_INDEX_URL; fi; \
    pip install --no-cache-dir --no-deps --require-hashes --target /tools --requirement /locks/build.txt
COPY --chmod=755 docker/index.sh docker/install.sh docker/verify.sh /tools/bin/

# The lock, and the part of it that is large and seldom changes: a layer of its own.
FROM tools AS locks
ARG VARIANT
COPY docker/locks/train-${VARIANT}.txt /locks/all.txt
RUN awk '/^[a-z]/ { heavy = /^(tensorflow|nvidia|keras|numpy|pandas|pyarrow|scipy|onnx|grpcio|transformers|matplotlib|pillow|fonttools)/ } heavy' \
    /locks/all.txt > /locks/heavy.txt

# Resolution and hashes, with nothing downloaded but what names them.
FROM locks AS resolved
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca --mount=type=secret,id=index \
    /tools/bin/verify.sh /locks/all.txt && /tools/bin/install.sh --dry-run --require-hashes --requirement /locks/all.txt

FROM tools AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY emotion emotion
COPY jobs jobs
COPY k8s k8s
RUN PYTHONPATH=/tools python3 -m hatchling build --target wheel

FROM python AS image
WORKDIR /work
RUN --mount=type=bind,from=tools,source=/tools,target=/tools \
    --mount=type=bind,from=locks,source=/locks/heavy.txt,target=/locks/heavy.txt \
    --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca --mount=type=secret,id=index \
    /tools/bin/install.sh --require-hashes --requirement /locks/heavy.txt
RUN --mount=type=bind,from=tools,source=/tools,target=/tools \
    --mount=type=bind,from=locks,source=/locks/all.txt,target=/locks/all.txt \
    --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca --mount=type=secret,id=index \
    /tools/bin/install.sh --require-hashes --requirement /locks/all.txt
RUN --mount=type=bind,from=tools,source=/tools,target=/tools \
    --mount=type=bind,from=wheel,source=/source/dist,target=/dist \
    /tools/bin/install.sh --offline --no-cache /dist/*.whl

# The root is read-only and the user any: all that libraries write goes to /tmp.
ENV PATH=/opt/emotion/bin:/usr/bin:/bin \
    LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp TMPDIR=/tmp XDG_CACHE_HOME=/tmp/.cache HF_HOME=/tmp/.cache/huggingface \
    MPLCONFIGDIR=/tmp/.cache/matplotlib CUDA_CACHE_PATH=/tmp/.cache/cuda \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    EMOTION_STORE=/store
USER 10001:0
# A batch job is well while it runs: its exit code and progress.json tell the rest.
HEALTHCHECK NONE
# The kernel drops a signal that a first process has no handler for: tini has one while Python still starts.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/emotion/bin/emotion"]
CMD ["--help"]

ARG VARIANT
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=
ENV EMOTION_REVISION=${REVISION} EMOTION_IMAGE=emotion-train:${VERSION}-${VARIANT}
LABEL org.opencontainers.image.title="emotion-train" \
      org.opencontainers.image.description="Trains text classifiers, exports them to ONNX and compares them" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
