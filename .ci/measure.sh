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
flags=
# Other networks and seeds of one program, measured beside the one that they are compared with.
case $name-$profile in
q5_reorder-full) flags="--model=build/reorder.safetensors" ;;
q5_reorder_lstm-full) program=build/bin/q5_reorder flags="--network=lstm --against=build/reorder.safetensors" ;;
q5_reorder_s2-full) program=build/bin/q5_reorder flags="--seed=2 --against=build/reorder.safetensors" ;;
q5_reorder_lstm-* | q5_reorder_s2-*) exit 0 ;;
esac
# Where the program writes. A short training never stands in place of a full one: it has a folder
# of its own.
case $name-$profile in
q1_*-quick | q2_*-quick | q5_data-quick | q5_reorder-quick | q5_scaling-quick | q5_systems-quick) result=${name}_quick ;;
q6_cola-full) result=q6_bert ;; # the folder bears the model's name
q6_speed-*) result=q6_speed_minilm ;;
*) result=$name ;;
esac
# What it reads.
case $name-$profile in
q6_cola-full) inputs="cola/cola_public models/bert-base-uncased/model.safetensors" ;;
q6_cola-quick | q6_speed-*) inputs="cola/cola_public models/all-MiniLM-L6-v2/model.safetensors" ;;
q5_data-*) inputs="persian/gold/perdt/fa_perdt-ud-test.conllu persian/gold/perdt/fa_perdt-ud-train.txt" ;;
q5_split-*) inputs="persian/gold/seraji/fa_seraji-ud-train.txt persian/gold/seraji/fa_seraji-ud-test.conllu" ;;
q5_reorder-quick | q5_scaling-quick | q5_systems-quick) inputs="../reorder_quick/sets.tsv" ;; # of q5_data
q5_scaling-full | q5_systems-full) inputs="../reorder/sets.tsv" ;;
q5_reorder-full) inputs="../reorder/sets.tsv persian/gold/perdt/fa_perdt-ud-train.txt" ;;
q5_reorder_*-full) inputs="../reorder/sets.tsv ../reorder.safetensors persian/gold/perdt/fa_perdt-ud-train.txt" ;;
*) inputs= ;;
esac
for input in $inputs; do
    [ ! -e "build/data/$input" ] || continue
    echo "$name: not measured: no build/data/$input (make data PROFILE=$profile brings it)"
    exit 0
done
run=results/local/$result/run.tsv
# What it leaves for others besides its result.
case $name-$profile in
q5_data-quick) left=build/reorder_quick/sets.tsv ;;
q5_data-full) left=build/reorder/sets.tsv ;;
*) left= ;;
esac

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
    elif [ -n "$left" ] && [ ! -e "$left" ]; then
        why="$left is missing"
    fi
fi
[ -n "$why" ] || exit 0
echo "$name: measuring, PROFILE=$profile ($why)"
# shellcheck disable=SC2086 # flags are several words
"$program" "--profile=$profile" --results=results/local $flags
