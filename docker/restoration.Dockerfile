# The image a step runs in: Reelkeeper's library, its networks and ffmpeg. No Airflow, no compiler, nobody's password.
#
#     docker build -f docker/restoration.Dockerfile -t reelkeeper/restoration:0.1.0 .
#
# CUDA's libraries come with torch's own packages, at the versions torch was built for; the node brings the driver. So
# any Debian or Ubuntu with Python 3.11 is a base, and one with CUDA in it would only hold CUDA twice. For nodes without
# a GPU, `--build-arg TORCH_BUILD=cpu --build-arg TORCH_INDEX=…` (PyTorch's index of CPU builds) leaves CUDA out.

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS python
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# What a security update replaces is not pinned: an image is built anew to be current.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates mediaconch python3.11 \
 && rm -rf /var/lib/apt/lists/*

FROM python AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3.11-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3.11 -m venv /opt/reelkeeper
ENV PATH=/opt/reelkeeper/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# What we depend on, in a layer of its own: it is made again only when a version changes.
COPY constraints.txt pyproject.toml docker/requirements.py ./
ARG TORCH_BUILD=
ARG TORCH_INDEX=
RUN python requirements.py --torch-build "${TORCH_BUILD}" vision s3 > requirements.txt \
 && pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} -r requirements.txt
COPY README.md LICENSE ./
COPY sql sql
COPY plugins plugins
COPY restoration_tasks restoration_tasks
RUN PIP_CONSTRAINT=constraints.txt pip install --no-deps . \
 && rm -rf /opt/reelkeeper/lib/python3.11/site-packages/reelkeeper_airflow \
 && pip check \
 && pip uninstall -y pip setuptools

FROM python AS restoration
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Reelkeeper restoration" \
      org.opencontainers.image.description="Runs the steps of a film reel's restoration" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
# The same number as in the pods' security context (operators/pod_template.py), and the owner of the vault's claim.
RUN groupadd --gid 10001 reelkeeper \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin reelkeeper \
 && install -d -o 10001 -g 10001 /scratch /vault /inbox /models
COPY --from=build /opt/reelkeeper /opt/reelkeeper
COPY docker/NOTICES.md LICENSE /usr/share/doc/reelkeeper/
ENV PATH=/opt/reelkeeper/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/scratch \
    REELKEEPER_HOME=/scratch \
    REELKEEPER_SCRATCH=/scratch \
    REELKEEPER_VAULT=/vault \
    REELKEEPER_INBOX=/inbox \
    REELKEEPER_MODELS=/models \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
# The program and the configuration of the ffmpeg inside, as its licence asks, from its own mouth.
RUN ffmpeg="$(python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" \
 && { "$ffmpeg" -hide_banner -version; "$ffmpeg" -hide_banner -L; } > /usr/share/doc/reelkeeper/ffmpeg.txt \
 && ln -s "$ffmpeg" /usr/local/bin/ffmpeg \
 && test -s /usr/share/common-licenses/GPL-3
USER 10001:10001
WORKDIR /scratch
# Kubernetes does not ask this; Docker does. A step cannot work where scratch cannot be written or ffmpeg not run.
HEALTHCHECK --interval=60s --timeout=20s --start-period=10s --retries=3 \
    CMD ["/bin/sh", "-c", "test -w \"$REELKEEPER_SCRATCH\" && ffmpeg -hide_banner -loglevel error -version > /dev/null"]
ENTRYPOINT ["reelkeeper"]
CMD ["--help"]
