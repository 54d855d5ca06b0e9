# Airflow with Reelkeeper's DAGs, operators and pages, upon the official image.
#
#     docker build -f docker/airflow.Dockerfile -t reelkeeper/airflow:0.1.0 .
#
# On Kubernetes steps run in pods of the restoration image, and this one does without torch (EXTRAS="airflow s3"). Where steps
# run as processes of the worker, it needs the networks as well: EXTRAS="airflow vision". The slim
# image is the base because the full one holds some eighty providers whose versions our constraints know nothing of.

ARG AIRFLOW_VERSION=3.3.2
ARG BASE=apache/airflow:slim-${AIRFLOW_VERSION}-python3.11

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Reelkeeper Airflow" \
      org.opencontainers.image.description="Conducts the restoration of film reels" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
USER 0
# MediaConch is asked where steps run here; what a security update replaces is not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mediaconch \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 50000 -g 0 -m 0775 /build /opt/airflow/dags /opt/airflow/plugins /srv/reelkeeper
USER 50000
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY --chown=50000:0 constraints.txt pyproject.toml docker/requirements.py ./
ARG EXTRAS="airflow s3"
ARG TORCH_BUILD=
ARG TORCH_INDEX=
# Split into words on purpose: each extra is a word.
# hadolint ignore=SC2086
RUN python requirements.py --torch-build "${TORCH_BUILD}" ${EXTRAS} > requirements.txt \
 && pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} -r requirements.txt
COPY --chown=50000:0 README.md LICENSE ./
COPY --chown=50000:0 sql sql
COPY --chown=50000:0 plugins plugins
COPY --chown=50000:0 restoration_tasks restoration_tasks
RUN PIP_CONSTRAINT=constraints.txt pip install --no-deps .
COPY --chown=50000:0 dags /opt/airflow/dags
# The plugin file only: the package beside it is installed above.
COPY --chown=50000:0 plugins/reelkeeper_plugin.py /opt/airflow/plugins/
COPY docker/NOTICES.md LICENSE /usr/share/doc/reelkeeper/
ENV REELKEEPER_HOME=/srv/reelkeeper \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
WORKDIR /opt/airflow
# `airflow jobs check` differs with the component: whoever starts one gives it a check of its own.
HEALTHCHECK NONE
