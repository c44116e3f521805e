#!/bin/bash
# Makes Debian packages of what `make build` made, in .build/deb: longtail (lt-infer, lt-eval), longtail-train (lt-train),
# liblongtail0 and liblongtail-dev. The same sources and tools give the same bytes.
# DEBFULLNAME and DEBEMAIL name the maintainer; else it is the committer of the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "${LIBTORCH:-}" ] || { echo "deb: LIBTORCH is set; packages are made with Debian's libtorch" >&2; exit 1; }
version=$(sed -n 's/^public let longtailVersion = "\(.*\)"$/\1/p' Sources/LTCore/Version.swift)
maintainer="${DEBFULLNAME:-$(git log -1 --format=%cn)} <${DEBEMAIL:-$(git log -1 --format=%ce)}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LONGTAIL=$PWD LC_ALL=C.UTF-8 TZ=UTC
umask 022

rm -rf .build/deb
mkdir -p .build/deb/tree
cp -r Utilities/packaging/debian .build/deb/tree/debian
cd .build/deb/tree
sed -i "s|@MAINTAINER@|$maintainer|" debian/control
cat >debian/changelog <<END
longtail ($version-1) unstable; urgency=medium

  * Commit $(git rev-parse --short=12 HEAD); what is new is in changelog.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
debian/rules binary >../build.log 2>&1 || { tail -40 ../build.log >&2; exit 1; }
cd ..
rm -rf tree
ls -l ./*.deb
