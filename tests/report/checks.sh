# checks: what the scripts of this folder that try programs share. To be sourced:
#
#     . "$(dirname "$0")/checks.sh"
#     run "$program" --lengths=abc
#     says "--lengths=abc" 2 "abc"          # it ended with 2 and told why
#     exit "$failed"
#
# $work is an empty folder that goes when the script ends; $failed is 1 once a check has failed;
# $label, where it is set, stands before the name of every check.
# shellcheck shell=sh disable=SC2034  # those who source it read what it sets
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
status=0
label=

# run COMMAND ...: quietly: standard output in $work/out, standard error in $work/err.
run() {
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

pass() { echo "ok    $label$1"; }

# fail NAME [FILE ...]: with what the files hold: what was said last.
fail() {
    echo "FAIL  $label$1 (status $status)"
    shift
    if [ $# -eq 0 ]; then set -- "$work/err"; fi
    sed 's/^/      | /' "$@"
    failed=1
}

# says NAME STATUS PATTERN [FILE ...]: the last run ended so, and told why.
says() {
    named=$1 expected=$2 pattern=$3
    shift 3
    if [ $# -eq 0 ]; then set -- "$work/err"; fi
    if [ "$status" -eq "$expected" ] && grep -q -- "$pattern" "$@"; then pass "$named"; else
        fail "$named" "$@"
    fi
}

# holds NAME PATTERN FILE
holds() { if grep -q -- "$2" "$3"; then pass "$1"; else fail "$1" "$3"; fi; }

# stops SIGNAL PATTERN FILE COMMAND ...: runs the command in the background, sends it the signal once
# the file has a line of the pattern (its checkpoint: something was measured), or after five seconds.
stops() {
    signal=$1 pattern=$2 file=$3
    shift 3
    "$@" >"$work/out" 2>"$work/err" </dev/null &
    started=$!
    waited=0
    while [ "$waited" -lt 200 ] && ! grep -q "$pattern" "$file" 2>/dev/null; do
        sleep 0.025
        waited=$((waited + 1))
    done
    kill "-$signal" "$started"
    wait "$started"
    status=$?
}
