#!/bin/bash
# Installs what `make build` made, or removes it again: tools, C library, header, pkg-config file, documents, recipes,
# manual pages, shell completions.   install.sh install|uninstall
# PREFIX (/usr/local), LIBDIR (PREFIX/lib) and ZSHDIR say where things will be, DESTDIR puts a folder before that.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=.build/release
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
zsh=${ZSHDIR:-$prefix/share/zsh/site-functions}
root=${DESTDIR:-}
bin=$prefix/bin include=$prefix/include man=$prefix/share/man doc=$prefix/share/doc/longtail
bash=$prefix/share/bash-completion/completions
fish=$prefix/share/fish/vendor_completions.d
tools=(lt-train lt-infer lt-eval)

fail() { echo "install: $*" >&2; exit 1; }
for path in "$prefix" "$libdir" "$zsh"; do
    [[ $path == /* ]] || fail "$path is not absolute; PREFIX, LIBDIR and ZSHDIR begin with /"
done

# The loader's cache, where the real system was changed.
refresh() { if [ -z "$root" ] && [ "$(id -u)" = 0 ]; then ldconfig; fi; }

install_all() {
    local version soname tool file size date
    version=$(sed -n 's/^public let longtailVersion = "\(.*\)"$/\1/p' Sources/LTCore/Version.swift)
    [ -n "$version" ] || fail "no longtailVersion in Sources/LTCore/Version.swift"
    for tool in "${tools[@]}" liblongtail.so; do
        [ -f "$built/$tool" ] || fail "$built/$tool is missing; run 'make build' first"
    done
    date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}" +%F)

    for tool in "${tools[@]}"; do
        install -D -m 755 -s "$built/$tool" "$root$bin/$tool"
        install -d "$root$bash" "$root$zsh" "$root$fish" "$root$man/man1"
        "$built/$tool" --generate-completion-script bash | sed '1{/^#!/d}' >"$root$bash/$tool"
        "$built/$tool" --generate-completion-script zsh >"$root$zsh/_$tool"
        "$built/$tool" --generate-completion-script fish >"$root$fish/$tool.fish"
        "$built/$tool" --experimental-dump-help |
            Utilities/packaging/manual.py --out "$root$man/man1" --version "$version" --date "$date" \
                --documents "$doc" --tools "${tools[@]}"
    done
    find README.md docs models -type f | while read -r file; do install -D -m 644 "$file" "$root$doc/$file"; done

    soname=$(objdump -p "$built/liblongtail.so" | awk '$1 == "SONAME" { print $2 }')
    install -D -m 644 -s "$built/liblongtail.so" "$root$libdir/liblongtail.so.$version"
    ln -sf "liblongtail.so.$version" "$root$libdir/$soname"
    ln -sf "$soname" "$root$libdir/liblongtail.so"
    install -D -m 644 Sources/CLongTail/include/longtail.h "$root$include/longtail.h"
    install -d "$root$libdir/pkgconfig" "$root$man/man3"
    sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" -e "s|@DOC@|$doc|" \
        Utilities/packaging/longtail.3 >"$root$man/man3/longtail.3"
    # Paths from where the file lies, so that the folder can be moved as a whole.
    sed -e "s/@VERSION@/$version/" -e "s|@PREFIX@|$(realpath -m --relative-to="$libdir/pkgconfig" "$prefix")|" \
        -e "s|@LIBDIR@|$(realpath -m --relative-to="$prefix" "$libdir")|" \
        Utilities/packaging/longtail.pc >"$root$libdir/pkgconfig/longtail.pc"
    refresh

    size=$(stat -c %s "$root$libdir/liblongtail.so.$version")
    echo "installed LongTail $version below $root$prefix; the library has $size bytes"
}

uninstall_all() {
    local tool
    for tool in "${tools[@]}"; do
        rm -f "$root$bin/$tool" "$root$bash/$tool" "$root$zsh/_$tool" "$root$fish/$tool.fish" \
            "$root$man/man1/$tool".1 "$root$man/man1/$tool"-*.1
    done
    rm -f "$root$libdir"/liblongtail.so{,.*} "$root$libdir/pkgconfig/longtail.pc" "$root$include/longtail.h" \
        "$root$man/man3/longtail.3"
    rm -rf "$root$doc"
    # Folders that are empty now, but for those that belong to the system.
    for folder in "$bin" "$include" "$libdir/pkgconfig" "$man/man1" "$man/man3" "$prefix/share/doc" "$bash" "$zsh" "$fish"; do
        while [[ $folder == "$prefix"/* && ! $folder =~ ^/usr(/local)?/[^/]*(/man)?$ ]] && rmdir "$root$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    done
    refresh
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) fail "expected 'install' or 'uninstall'" ;;
esac
