#!/bin/bash
# Installs the Debian packages that LongTail builds and runs with, and those given as arguments; does nothing when all
# are installed.
set -euo pipefail
packages=(
    g++ make pkg-config                                    # the C++ leaves
    libonnx-dev libprotobuf-dev                            # ONNX files and their checker
    libdnnl-dev                                            # CPU kernels
    libturbojpeg0-dev libspng-dev libwebp-dev              # image decoders
    zlib1g-dev                                             # packed data sets
    libsqlite3-dev                                         # the prediction store
    libsimdjson-dev                                        # detections in JSON
    libtorch-dev libopenblas0-openmp                       # the trainer, and the BLAS that it runs on
    libopenmpi-dev openmpi-bin                             # training by several processes
    libonnx-testdata python3 python3-pip                   # ONNX's own cases, for the tests: Debian's, and PyPI's
    "$@"
)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)" = "ii " ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "deps: installing ${missing[*]}" >&2
    sudo=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "deps: run as root, or install sudo" >&2; exit 1; }
        sudo="sudo"
    fi
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v swift >/dev/null || {
    echo "deps: swift is not on the PATH; LongTail needs Swift 6.3 (https://www.swift.org/install/linux)" >&2
    exit 1
}
