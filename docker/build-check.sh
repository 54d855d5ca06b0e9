#!/usr/bin/env bash
# Builds both images without a container engine and without an image registry: Debian's packages make the base, buildah
# executes every step of the Dockerfiles in a chroot. Then a step runs in the restoration image as its own user.
#
#     docker/build-check.sh [restoration] [airflow]        as root; several GB and, the first time, ten to twenty minutes
#
# The official Airflow image cannot be had here: its stand-in is the same base with Airflow installed for the same user.
# TORCH_BUILD=cpu (the default here) leaves out CUDA, which adds gigabytes and no build step.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "debootstrap and chroot need root. Run this as root, or build with docker or podman." >&2; exit 1; }
docker/debian-tools.sh buildah debootstrap

work=${IMAGES_CHECK_FOLDER:-/var/tmp/reelkeeper-images}
suite=bookworm
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
torch=${TORCH_BUILD-cpu}
mkdir -p "$work"
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker

# What pip of this machine is told to use (mirror, certificate, wheel folder) is lent to the build and not kept in it.
lent=(--volume "$work/pip:/etc/xdg/pip:ro")
mkdir -p "$work/pip"
echo "[global]" >"$work/pip/pip.conf"
while IFS== read -r key value; do
  key=${key#*.} value=${value//\'/}
  if [ "$key" = cert ]; then
    # Not where it lies here: the base's own certificates are set up in that folder.
    cp -L "$value" "$work/pip/certificate.crt"
    value=/etc/xdg/pip/certificate.crt
  fi
  [[ $key == constraint ]] || printf '%s = %s\n' "$key" "$value" >>"$work/pip/pip.conf"
  for path in $(grep -oE "(^|file://| )/[^ ]+" <<<"$value" | sed 's,^ *\(file://\)\?,,'); do
    path=${path%/simple} # an index of files points to the files beside it
    [[ $path == /etc/xdg/* || ! -e $path ]] || lent+=(--volume "$path:$path:ro")
  done
done < <(python3.11 -m pip config list | grep -v "^:env:")

took() { echo "$1: $((SECONDS - $2)) s, $(buildah images --format '{{.Size}}' "$3")"; }

if [ ! -e "$work/rootfs/.whole" ]; then
  rm -rf "$work/rootfs"
  debootstrap --variant=minbase "$suite" "$work/rootfs" >"$work/debootstrap.log"
  rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
  touch "$work/rootfs/.whole"
fi
if ! buildah images -q localhost/reelkeeper-base >/dev/null 2>&1; then
  base=$(buildah from scratch)
  buildah copy -q "$base" "$work/rootfs" / >/dev/null
  buildah commit -q --rm "$base" localhost/reelkeeper-base >/dev/null
fi

restoration() {
  local started=$SECONDS
  buildah build "${lent[@]}" --layers --build-arg BASE=localhost/reelkeeper-base --build-arg VERSION="$version" \
    --build-arg TORCH_BUILD="$torch" --build-arg TORCH_INDEX="${TORCH_INDEX-}" \
    -f docker/restoration.Dockerfile -t "localhost/reelkeeper/restoration:$version" .
  took "restoration image" "$started" "localhost/reelkeeper/restoration:$version"
  step_runs
}

# Two steps, as the image's own user, in a container whose root file system it may not write to (it is not root).
step_runs() {
  local started=$SECONDS container folder
  folder=$(mktemp -d "$work/step-XXXXXX")
  container=$(buildah from "localhost/reelkeeper/restoration:$version")
  mkdir -p "$folder"/{inbox,vault,scratch}
  chown -R 10001:10001 "$folder"
  cp docker/first_step.py "$folder/"
  buildah run --user 10001:10001 \
    --volume "$folder/inbox:/inbox" --volume "$folder/vault:/vault" --volume "$folder/scratch:/scratch" \
    --volume "$folder/first_step.py:/first_step.py:ro" "$container" -- python /first_step.py
  buildah rm "$container" >/dev/null
  local results
  results=$(find "$folder/vault/reels" -mindepth 4 -maxdepth 4 -name result.json -user 10001 | wc -l)
  rm -rf "$folder"
  [ "$results" -eq 2 ] || { echo "the steps left $results results, not two" >&2; exit 1; }
  echo "ingest and shots run in it as user 10001: $((SECONDS - started)) s"
}

airflow() {
  local started=$SECONDS
  printf '%s\n' 'FROM localhost/reelkeeper-base' \
    'RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3.11 python3.11-venv' \
    'RUN useradd --uid 50000 --gid 0 --create-home airflow && python3.11 -m venv /home/airflow/.local && chown -R 50000:0 /home/airflow' \
    'ENV PATH=/home/airflow/.local/bin:$PATH AIRFLOW_HOME=/opt/airflow' 'RUN install -d -o 50000 -g 0 /opt/airflow' \
    'USER 50000' 'COPY constraints.txt /tmp/constraints.txt' \
    "RUN pip install --no-cache-dir -c /tmp/constraints.txt apache-airflow==$(sed -n 's/^apache-airflow==//p' constraints.txt)" \
    >"$work/airflow-stand-in.Dockerfile"
  buildah build "${lent[@]}" --layers -f "$work/airflow-stand-in.Dockerfile" -t localhost/airflow-stand-in .
  buildah build "${lent[@]}" --layers --build-arg BASE=localhost/airflow-stand-in --build-arg VERSION="$version" \
    -f docker/airflow.Dockerfile -t "localhost/reelkeeper/airflow:$version" .
  took "airflow image" "$started" "localhost/reelkeeper/airflow:$version"
  local container
  container=$(buildah from "localhost/reelkeeper/airflow:$version")
  buildah run --user 50000:0 --env AIRFLOW_HOME=/tmp/airflow --env AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags \
    --env AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airflow/plugins "$container" -- /bin/sh -euc '
      python -c "import importlib.util as find; assert find.find_spec(\"torch\") is None"
      airflow db migrate >/dev/null 2>&1
      python -c "
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(\"/opt/airflow/dags\")
assert not bag.import_errors, bag.import_errors
print(len(bag.dags), \"DAGs read:\", *sorted(bag.dags))"'
  buildah rm "$container" >/dev/null
}

for image in "${@:-restoration airflow}"; do
  for one in $image; do "$one"; done
done
