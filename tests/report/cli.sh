#!/bin/sh
# What a user can do wrong with an experiment's command line, and what must never follow from it:
# half-written results, a silent success, a lost earlier result.
#
#     tests/report/cli.sh build/bin/q4_complexity
#
# Prints one line a check and exits with 1 when any of them fails. Takes a few seconds.
set -u

if [ $# -ne 1 ] || [ ! -x "$1" ]; then
    echo "usage: cli.sh path/to/q4_complexity" >&2
    exit 2
fi
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
# shellcheck source=tests/report/checks.sh
. "$(dirname "$0")/checks.sh"

# clean LABEL FOLDER: nothing visible, and no hidden folder, was left there.
clean() {
    left=$(find "$2" -mindepth 1 -not -name '.q4_complexity-checkpoint' 2>/dev/null)
    if [ -z "$left" ]; then pass "$1"; else
        echo "$left" >"$work/err"
        fail "$1"
    fi
}

small="--variants=tiled,value --direction=forward --lengths=32,64 --heads=2 --head-width=16 \
--features=16 --repetitions=2 --threads=1"

# --- help ---------------------------------------------------------------------------------------
run "$program" --help
if [ "$status" -eq 0 ] && [ ! -s "$work/err" ] && grep -q 'examples:' "$work/out" &&
    grep -q 'Cost:' "$work/out"; then pass "--help teaches"; else fail "--help teaches"; fi
for flag in heads head-width features lengths direction threads variants repetitions profile seed \
    results; do
    grep -q -- "--$flag" "$work/out" || {
        echo "--$flag is missing from --help" >"$work/err"
        fail "--help names --$flag"
    }
done

# --- flags that make no sense --------------------------------------------------------------------
here="--results=$work/wrong"
run "$program" --lengths=abc "$here"
says "--lengths=abc" 2 "abc"
run "$program" --lengths=512,0 "$here"
says "a length of 0" 2 "lengths"
run "$program" --lengths=16777216 --heads=4096 "$here"
says "lengths that cannot fit" 2 "GB"
run "$program" --variants=tiled,tyled "$here"
says "an unknown variant" 2 "'tyled'.*favor_positive"
run "$program" --direction=sideways "$here"
says "an unknown direction" 2 "sideways"
run "$program" --lenghts=128 "$here"
says "a misspelt flag" 2 "did you mean --lengths"
run "$program" --child
says "the hidden command, by hand" 2 "help"
if [ ! -e "$work/wrong" ]; then pass "a wrong flag makes no folder"; else fail "wrong flag"; fi

# --- places that cannot be written ----------------------------------------------------------------
: >"$work/file"
# shellcheck disable=SC2086  # $small is a list of flags
run "$program" $small --results="$work/file"
says "results under a file" 1 "cannot make this folder"
# shellcheck disable=SC2086
run "$program" $small --results=/proc/none
says "results where nothing can be made" 1 "/proc/none"
if [ "$(id -u)" -ne 0 ]; then
    mkdir "$work/closed"
    chmod 555 "$work/closed"
    # shellcheck disable=SC2086
    run "$program" $small --results="$work/closed"
    says "results in a closed folder" 1 "closed"
fi

# A full disk, in two ways: no file may grow beyond nothing, and (where the system lets us mount)
# a disk of 16 KiB, which fills up while results are being written.
mkdir "$work/full"
# shellcheck disable=SC2086
(trap '' XFSZ && ulimit -f 0 && exec "$program" $small --results="$work/full") 2>&1 >/dev/null \
    </dev/null | cat >"$work/err"
if grep -q 'cannot be written' "$work/err"; then pass "no room says so"; else fail "no room"; fi
clean "no room leaves nothing" "$work/full"
# shellcheck disable=SC2016,SC2086  # the inner shell expands
if unshare -rm true 2>/dev/null &&
    unshare -rm sh -c 'mount -t tmpfs -o size=16k none "$1"' sh "$work/full" 2>/dev/null; then
    unshare -rm sh -c '
        mount -t tmpfs -o size=16k none "$1" || exit 99
        folder=$1 program=$2 && shift 2
        "$program" "$@" --results="$folder" 2>&1 >/dev/null </dev/null
        echo "status $?"
        find "$folder" -mindepth 1 -not -name ".q4_complexity-checkpoint"
    ' sh "$work/full" "$program" $small >"$work/err"
    if grep -q 'cannot be written.*No space' "$work/err" && grep -q '^status 1$' "$work/err" &&
        [ "$(sed -n '/^status/,$p' "$work/err" | wc -l)" -eq 1 ]; then
        pass "a full disk"
    else fail "a full disk"; fi
fi

# --- a run that works, then one that is interrupted ------------------------------------------------
good=$work/good
# shellcheck disable=SC2086
run "$program" $small --results="$good"
if [ "$status" -eq 0 ] && [ -s "$good/q4_complexity/facts.tsv" ] &&
    grep -q '^q4.tiled.forward.operations.slope	' "$good/q4_complexity/facts.tsv" &&
    [ ! -e "$good/.q4_complexity-checkpoint" ]; then pass "a small run"; else fail "a small run"; fi
cp "$good/q4_complexity/facts.tsv" "$work/facts"

long="--variants=tiled --direction=forward --lengths=64,2048 --heads=2 --head-width=16 \
--features=16 --repetitions=60 --threads=1"
# interrupt SIGNAL: starts a longer run, waits until it has measured something, stops it.
interrupt() {
    # shellcheck disable=SC2086
    stops "$1" '^time ' "$good/.q4_complexity-checkpoint" "$program" $long --results="$good"
}
interrupt INT
says "Ctrl-C" 130 "the same command continues"
clean_except=$(find "$good" -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')
if [ "$clean_except" = "$good/.q4_complexity-checkpoint $good/q4_complexity " ] &&
    cmp -s "$work/facts" "$good/q4_complexity/facts.tsv"; then
    pass "Ctrl-C leaves the earlier results and a checkpoint"
else fail "Ctrl-C leaves the earlier results and a checkpoint: $clean_except"; fi
# shellcheck disable=SC2086
run "$program" $long --results="$good"
says "the same command continues" 0 "it is continued"
if grep -q '^continued_measurements	[1-9]' "$good/q4_complexity/run.tsv" &&
    [ ! -e "$good/.q4_complexity-checkpoint" ]; then
    pass "the run says what it took over, and ends the checkpoint"
else fail "the run says what it took over, and ends the checkpoint"; fi

# --- a damaged checkpoint ----------------------------------------------------------------------------
interrupt TERM
says "a request to end" 130 "the same command continues"
sed 's/^time tiled 64 0	[0-9]/&9/' "$good/.q4_complexity-checkpoint" >"$work/damaged"
if cmp -s "$work/damaged" "$good/.q4_complexity-checkpoint"; then
    fail "there was nothing to damage"
fi
cp "$work/damaged" "$good/.q4_complexity-checkpoint"
# shellcheck disable=SC2086
run "$program" $small --results="$good"
says "a checkpoint of another configuration" 0 "another configuration"
cp "$work/damaged" "$good/.q4_complexity-checkpoint"
# shellcheck disable=SC2086
run "$program" $long --results="$good"
says "a damaged checkpoint" 0 "does not match its check sum"

exit "$failed"
