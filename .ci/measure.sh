#!/bin/sh
# Runs one experiment where its result is missing or out of date.
#
#   .ci/measure.sh q4_complexity quick
#
# A result of the full profile took long: the quick one never replaces it.
set -eu
name=$1
profile=$2
program=build/bin/$name
run=results/local/$name/run.tsv

why=
if [ ! -e "$run" ]; then
    why="no result yet"
else
    found=$(awk -F '\t' '$1 == "profile" { print $2 }' "$run")
    newer=$(find "$program" -newer "$run")
    if [ "$found" = full ] && [ "$profile" = quick ]; then
        if [ -n "$newer" ]; then
            echo "$name: keeping results/local/$name (PROFILE=full, measured by an earlier build)"
        fi
    elif [ "$found" != "$profile" ]; then
        why="the present result has the profile '$found'"
    elif [ -n "$newer" ]; then
        why="the program is newer than its result"
    fi
fi
[ -n "$why" ] || exit 0
echo "$name: measuring, PROFILE=$profile ($why)"
"$program" "--profile=$profile" --results=results/local
