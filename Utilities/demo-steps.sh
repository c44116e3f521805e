# Steps of the demonstrations: sourced by demo.sh and demo-detection.sh.
bin=.build/release

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# show COMMAND…: prints the command and runs it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}
# run TITLE RESULT COMMAND…: prints the title and the command and runs it, unless RESULT exists.
run() {
    local title=$1 result=$2
    shift 2
    say "$title"
    if [ -e "$result" ]; then
        printf '$ %s\n  %s exists: reused\n' "$*" "$result"
    else
        show "$@"
    fi
}
