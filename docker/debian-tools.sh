#!/usr/bin/env bash
# Installs the Debian packages named (chromium, mediaconch …) that are not there yet: when root; else says which are needed.
set -euo pipefail
[ $# -gt 0 ] || { echo "Usage: $0 PACKAGE …" >&2; exit 2; }
missing=()
for tool in "$@"; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "These programs are needed: ${missing[*]}. Install them (Debian: apt-get install ${missing[*]}) and run again." >&2
  exit 1
fi
packages=("${missing[@]}")
# without a font a browser draws boxes
[[ " ${missing[*]} " == *" chromium "* ]] && packages+=(fonts-dejavu-core)
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
