#!/bin/bash
# The test cases of ONNX's own backend suite, from the wheel of onnx 1.20.1 on PyPI (later wheels do not have them), laid
# into FOLDER (node, simple, pytorch-converted, pytorch-operator). Does nothing when they are there.
# usage: Utilities/onnx-cases.sh FOLDER
set -euo pipefail
version=1.20.1
folder=${1:?usage: onnx-cases.sh FOLDER}
[ -f "$folder/.version" ] && [ "$(cat "$folder/.version")" = "$version" ] && exit 0
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
echo "onnx-cases: downloading the wheel of onnx $version" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux_2_28_x86_64 \
    --dest "$wheels" "onnx==$version"
rm -rf "$folder"
mkdir -p "$folder"
python3 - "$wheels" "$folder" <<'PY'
import glob, os, shutil, sys, zipfile

wheels, folder = sys.argv[1:]
prefix = "onnx/backend/test/data/"
with zipfile.ZipFile(glob.glob(os.path.join(wheels, "onnx-*.whl"))[0]) as wheel:
    for name in wheel.namelist():
        parts = name[len(prefix):].split("/")
        if not name.startswith(prefix) or parts[0] not in ("node", "simple", "pytorch-converted", "pytorch-operator"):
            continue
        if name.endswith("/") or ".." in parts:
            continue
        target = os.path.join(folder, *parts)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with wheel.open(name) as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out)
PY
echo "$version" > "$folder/.version"
