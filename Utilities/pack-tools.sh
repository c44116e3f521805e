#!/bin/bash
# The tools and the C library as one archive that runs on any x86-64 Linux: stripped, with every library they need and the
# loader. For a machine that has neither Swift nor Debian's packages, such as a rented one with a GPU; NVIDIA's libraries are the
# machine's own. lt-train is not in it (libtorch alone is ten times as large).
#   Utilities/pack-tools.sh [longtail-tools.tar.xz [lt-infer lt-eval]]      there: tar xf longtail-tools.tar.xz && longtail-tools/lt-infer …
set -euo pipefail
cd "$(dirname "$0")/.."
archive=$(realpath -m "${1:-longtail-tools.tar.xz}")
tools=("${@:2}")
[ ${#tools[@]} -gt 0 ] || tools=(lt-infer lt-eval)
build=${LT_BUILD:-.build/release}
for file in "${tools[@]}" liblongtail.so; do
    [ -e "$build/$file" ] || { echo "pack-tools: $build/$file is not there: make build" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/longtail-tools
mkdir -p "$root/bin" "$root/lib"
for tool in "${tools[@]}"; do
    strip -o "$root/bin/$tool" "$build/$tool"
    # GOMP_SPINCOUNT: without it the tool would start itself again, which a program under an explicit loader cannot.
    cat >"$root/$tool" <<END
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
export GOMP_SPINCOUNT="\${GOMP_SPINCOUNT:-2000}"
exec "\$here/lib/ld-linux-x86-64.so.2" --library-path "\$here/lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" "\$here/bin/$tool" "\$@"
END
    chmod +x "$root/$tool"
done
strip --strip-unneeded -o "$root/lib/liblongtail.so.0" "$build/liblongtail.so"
ln -s liblongtail.so.0 "$root/lib/liblongtail.so"
cp Sources/CLongTail/include/longtail.h "$root/"
ldd "${tools[@]/#/$build/}" "$build/liblongtail.so" | awk '$3 ~ /^\// {print $3} $1 ~ /^\/.*[^:]$/ {print $1}' | sort -u |
    while read -r library; do cp -L "$library" "$root/lib/$(basename "$library")"; done
XZ_OPT=-T0 tar -C "$work" -cJf "$archive" longtail-tools
echo "$archive: $(du -h "$archive" | cut -f1), unpacked $(du -sh "$root" | cut -f1)"
