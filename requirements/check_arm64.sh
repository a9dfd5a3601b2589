#!/bin/sh
# Fetch the wheels that the image for CPUs would have on arm64, by the hashes of its lock. It fails
# where the index has none. It needs pip on Python 3.12 or later, since markers are read as here.
set -eu
cd "$(dirname "$0")"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
for tag in manylinux_2_17 manylinux2014 manylinux_2_26 manylinux_2_27 manylinux_2_28; do
    set -- "$@" --platform "${tag}_aarch64"
done
python3 -m pip download --quiet --require-hashes --no-deps --only-binary=:all: "$@" \
    --dest "$wheels" --requirement onnx.lock
echo "$(find "$wheels" -name '*.whl' | wc -l) wheels, $(find "$wheels" -name '*aarch64*' | wc -l) of them for arm64 alone"
