#!/bin/sh
# --device of an experiment: a GPU that cannot be had, one that is too small, a run on one, and
# what Ctrl-C leaves of it. The tests' emulation stands for the GPU.
#
#     tests/report/device.sh build/bin/tamrin_cuda_emulated.so build/bin/q4_complexity
#
# Without the plug-in (no C++ compiler) only what needs no GPU is tried. Prints one line a check and
# exits with 1 when any of them fails. Takes a few seconds.
set -u

if [ $# -lt 2 ]; then
    echo "usage: device.sh path/to/tamrin_cuda_emulated.so path/to/program ..." >&2
    exit 2
fi
plugin=$1
shift
# shellcheck source=tests/report/checks.sh
. "$(dirname "$0")/checks.sh"

# What is asked of each program: least (on the CPU), and what a tiny GPU of $bytes has room for but
# for what $left_out names.
settings() {
    case $name in
    q4_complexity)
        least="--variants=value --direction=forward --lengths=16 --heads=1 --head-width=8 --threads=1"
        tiny="--variants=materialised,value --lengths=16,96 --heads=1 --head-width=8 --features=8 \
--repetitions=30 --threads=1"
        bytes=200000
        left_out="backward left out: materialised.*96 rows.* bytes asked, .* free"
        too_much="--lengths=4096 --heads=8"
        says_too_much="GB may be used"
        refused=2
        question=q4
        first="^time "
        ;;
    q3_parallelism)
        least= # the CPU's part trains models: seconds
        tiny="--width=8 --lengths=8,16 --repetitions=2 --threads=1"
        bytes=4000000
        left_out=
        too_much="--lengths=8,500000 --width=256"
        says_too_much="bytes asked.*free"
        refused=1
        question=q3
        first= # its checkpoint is the same as the other's
        ;;
    esac
}

# Stops a run once it has measured something.
interrupt() {
    # shellcheck disable=SC2086
    stops INT "$first" "$place/.${name}_cuda-checkpoint" \
        "$program" --device=cuda $tiny --results="$place"
    says "Ctrl-C" 130 "the same command continues"
    if [ ! -e "$place/${name}_cuda" ]; then pass "no half result"; else fail "a half result"; fi
}

for program in "$@"; do
    name=$(basename "$program")
    label="$name: "
    place=$work/$name
    mkdir "$place"
    settings
    export TAMRIN_CUDA=/nowhere/tamrin_cuda.so
    run "$program" --device=cuda --results="$place"
    says "no plug-in" 1 "--device=cuda: .*no plug-in /nowhere.*make experiments.*--device=cpu"
    : >"$work/no_plugin.so"
    TAMRIN_CUDA=$work/no_plugin.so run "$program" --device=cuda --results="$place"
    says "no plug-in of ours" 1 "no_plugin.so"
    if [ -z "$(ls -A "$place")" ]; then pass "nothing is left"; else fail "something is left"; fi
    if [ -n "$least" ]; then
        # shellcheck disable=SC2086  # a list of flags
        run "$program" --device=auto $least --results="$place"
        says "auto goes on" 0 "computing on the CPU (cuda: no plug-in"
        holds "auto's result is the CPU's" "^device	cpu" "$place/$name/run.tsv"
    fi
    [ -e "$plugin" ] || continue

    export TAMRIN_CUDA="$plugin" TAMRIN_EMULATED_BYTES="$bytes"
    # shellcheck disable=SC2086
    run "$program" --device=cuda $too_much --results="$place"
    says "more than there is" "$refused" "$says_too_much"
    if [ -n "$first" ]; then interrupt; fi
    # shellcheck disable=SC2086
    run "$program" --device=auto $tiny --results="$place"
    says "a run on a GPU" 0 "computing on Emulated GPU"
    if [ -n "$first" ]; then says "it goes on after Ctrl-C" 0 "it is continued"; fi
    if [ -n "$left_out" ]; then says "what does not fit is named" 0 "$left_out"; fi
    folder=$place/${name}_cuda
    holds "the machine has the GPU's name" "^machine	.*-emulated-gpu$" "$folder/run.tsv"
    holds "the GPU is described" "^gpu	Emulated GPU, .*CUDA .*driver" "$folder/run.tsv"
    holds "facts of a GPU" "^$question\\.cuda\\." "$folder/facts.tsv"
    if grep "^$question\\." "$folder/facts.tsv" | grep -v "^$question\\.cuda\\." >"$work/err"; then
        fail "facts of the CPU"
    fi
    if [ -n "$least" ]; then
        holds "the CPU's result is where it was" "^device	cpu" "$place/$name/run.tsv"
    fi
done
exit "$failed"
