#!/bin/bash
# Installs the packages of .build/deb on a fresh Debian in a temporary folder, uses tools and library there, and removes them.
# Needs root and about 1 GB below TMPDIR; --train tries longtail-train too (libtorch: 1 GB more). DEBIAN_MIRROR and SUITE
# say from where and which Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "deb-check: run as root: a fresh system is made and entered" >&2; exit 1; }
# Mounts of this script end with it.
[ "${1:-}" = --inside ] || exec unshare --mount --propagation private "$0" --inside "$@"
shift
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=${SUITE:-bookworm}
fail() { echo "deb-check: $*" >&2; exit 1; }
say() { printf '== %s\n' "$*"; }

root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
chmod 755 "$root"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
apt() { inside apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$root/apt.log" 2>&1 || { tail -20 "$root/apt.log" >&2; fail "apt-get $*"; }; }

say "a fresh $suite"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cat >"$root/etc/apt/sources.list" <<END
deb $mirror $suite main
deb $mirror $suite-updates main
deb ${mirror%/debian}/debian-security $suite-security main
END
apt update
mkdir -p "$root/check/images"
cp .build/deb/*.deb models/pretrained-small.onnx "$root/check/"
cp Tests/LTImageTests/Fixtures/files/{rgb-420.jpg,grey-alpha.png,lossy.webp} "$root/check/images/"
debs() { (cd "$root" && for name in "$@"; do ls "check/$name"_*.deb; done) | sed 's|^|/|'; }
files() { find "$root" -xdev \( -path "$root/proc" -o -path "$root/check" \) -prune -o -print | grep -iE 'longtail|/_?lt-(train|infer|eval)' || true; }
without_swift() {
    local libraries
    libraries=$(inside ldd "$1")
    ! grep -iE 'not found|libswift|lib_?foundation|libdispatch' <<<"$libraries" || fail "$1 misses libraries, or needs Swift's"
}

say "longtail: lt-infer and lt-eval"
apt install --no-install-recommends $(debs longtail)
for tool in lt-infer lt-eval; do
    without_swift /usr/bin/$tool
    inside $tool --version
done
! inside dpkg-query -W 'libtorch*' 2>/dev/null | grep . || fail "longtail pulls libtorch in"
inside lt-infer verify /check/pretrained-small.onnx
inside lt-infer run /check/pretrained-small.onnx /check/images --out /check/predictions.db --csv /check/predictions.csv --quiet
cut -c1-70 "$root/check/predictions.csv"
[ "$(wc -l <"$root/check/predictions.csv")" -ge 4 ] || fail "expected a header and three images"

say "liblongtail-dev: a C host"
apt install --no-install-recommends $(debs liblongtail0 liblongtail-dev) gcc libc6-dev pkgconf
library=$(inside sh -c 'echo /usr/lib/*/liblongtail.so.0')
without_swift "$library"
cp Examples/c/classify_folder.c "$root/check/"
inside sh -c 'cd /check && gcc -std=c99 -Wall -Wextra -Werror classify_folder.c -o host $(pkg-config --cflags --libs longtail) &&
    ./host pretrained-small.onnx images'

if [ "${1:-}" = --train ]; then
    say "longtail-train"
    apt install --no-install-recommends $(debs longtail-train)
    without_swift /usr/bin/lt-train
    inside lt-train --version
    inside lt-train losses >"$root/check/losses.txt"
fi

say "removal"
apt purge $(inside dpkg-query -f '${Package}\n' -W '*longtail*')
left=$(files)
[ -z "$left" ] || fail "removal leaves $left"
echo "deb-check: passed"
