#!/bin/bash
# Installs what `make build` made into a temporary folder, uses it there as a stranger would, and removes it again.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export DESTDIR=$folder PREFIX=/opt/longtail
unset LIBDIR ZSHDIR
root=$DESTDIR$PREFIX
largest=16000000 # bytes of the stripped library
fail() { echo "install-check: $*" >&2; exit 1; }

Utilities/packaging/install.sh install
size=$(stat -L -c %s "$root/lib/liblongtail.so")

# Tools and library, without Swift and without what they do not need.
for file in "$root"/bin/lt-* "$root"/lib/liblongtail.so; do
    needed=$(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }')
    ! grep -E '^lib(swift|_?Foundation|dispatch|BlocksRuntime)' <<<"$needed" || fail "$file needs Swift's libraries"
    [ "$(basename "$file")" = lt-train ] || ! grep -E '^lib(torch|c10|mpi)' <<<"$needed" || fail "$file needs libtorch"
    ! readelf -S "$file" | grep -E ' \.(symtab|debug_info) ' || fail "$file is not stripped"
done
version=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --modversion longtail)
for tool in lt-train lt-infer lt-eval; do
    printed=$(env -i "$root/bin/$tool" --version)
    [ "$printed" = "$version" ] || fail "$tool --version prints $printed, longtail.pc says $version"
done
env -i "$root/bin/lt-infer" verify models/pretrained-small.onnx

# A C host, compiled and run with what lies there.
cat >"$folder/host.c" <<'END'
#include <longtail.h>
#include <stdio.h>
#include <string.h>
int main(int count, char **arguments) {
    lt_model *model = NULL;
    lt_model_info info = {.struct_size = sizeof info};
    if (count != 2 || lt_model_load(arguments[1], NULL, &model) != LT_OK || lt_model_get_info(model, &info) != LT_OK) {
        fprintf(stderr, "%s\n", lt_last_error_message());
        return 1;
    }
    printf("%s: %zu classes\n", lt_version(), info.class_count);
    lt_model_release(model);
    return 0;
}
END
flags=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags --libs longtail)
# shellcheck disable=SC2086
gcc -std=c99 -Wall -Wextra -Werror "$folder/host.c" -o "$folder/host" $flags
said=$(LD_LIBRARY_PATH=$root/lib "$folder/host" models/pretrained-small.onnx)
[ "$said" = "$version: 48 classes" ] || fail "the host says '$said', expected '$version: 48 classes'"

# Completions that their shell reads, manual pages that roff reads, one for each tool and subcommand.
for tool in lt-train lt-infer lt-eval; do
    bash -n "$root/share/bash-completion/completions/$tool"
    for shell in "zsh -n $root/share/zsh/site-functions/_$tool" "fish -n $root/share/fish/vendor_completions.d/$tool.fish"; do
        ! command -v "${shell%% *}" >/dev/null || $shell || fail "$shell"
    done
    for subcommand in $("$root/bin/$tool" --help | sed -n '/^SUBCOMMANDS/,$s/^  \([a-z][a-z-]*\).*/\1/p'); do
        [ -s "$root/share/man/man1/$tool-$subcommand.1" ] || fail "no manual page $tool-$subcommand"
    done
done
if command -v groff >/dev/null; then
    for page in "$root"/share/man/man?/*; do
        warnings=$(groff -man -Kutf8 -Tutf8 -ww -z "$page" 2>&1)
        [ -z "$warnings" ] || fail "$page: $warnings"
    done
fi

Utilities/packaging/install.sh uninstall
left=$(find "$root" ! -type d)
[ -z "$left" ] || fail "uninstall leaves $left"
[ "$size" -le "$largest" ] || fail "the stripped library has $size bytes, expected at most $largest"
echo "install-check: passed"
