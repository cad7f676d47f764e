#!/bin/sh
# Runs one experiment where its result is missing or out of date.
#
#   .ci/measure.sh q4_complexity quick
#
# A result of the full profile took long: the quick one never replaces it. An experiment whose
# inputs are missing is left out.
set -eu
name=$1
profile=$2
program=build/bin/$name
result=$name
if [ "$name" = q6_cola ]; then
    # Each model has a folder of its own, so that the short run does not stand in their place.
    model=all-MiniLM-L6-v2
    if [ "$profile" = full ]; then
        model=bert-base-uncased
        result=q6_bert
    fi
    for input in build/data/cola/cola_public build/data/models/$model/model.safetensors; do
        [ ! -e "$input" ] || continue
        echo "$name: not measured: no $input (make data PROFILE=$profile brings it)"
        exit 0
    done
fi
run=results/local/$result/run.tsv

why=
if [ ! -e "$run" ]; then
    why="no result yet"
else
    found=$(awk -F '\t' '$1 == "profile" { print $2 }' "$run")
    newer=$(find "$program" -newer "$run")
    if [ "$found" = full ] && [ "$profile" = quick ]; then
        if [ -n "$newer" ]; then
            echo "$name: keeping results/local/$result (PROFILE=full, measured by an earlier build)"
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
