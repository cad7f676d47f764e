#!/bin/sh
# Everything that a GPU has to be asked for, by one command: agreement, memory errors, questions 3 and 4,
# the race against PyTorch; then results/recorded/<machine>/. make record-gpu runs it.
#
#     .ci/record-gpu.sh                   all steps, those that are done already are passed over
#     STEPS="tests q4" .ci/record-gpu.sh  only these, done or not
#     PROFILE=quick .ci/record-gpu.sh     a short run to see that all works; it is not recorded
#
# Steps: build operations tests sanitizer q4 q3 race record. Each has a log and, once it succeeded, a stamp
# in build/record-gpu/; a new plug-in or program makes them out of date. No network is needed where the
# libraries of .ci/setup.sh are installed; where they are not, PREBUILT=1 runs what .ci/bundle.sh packed
# elsewhere, and nothing is built. LIMIT is the seconds that a step may take at most (600).
set -u
profile=${PROFILE:-full}
limit=${LIMIT:-600}
all='build operations tests sanitizer q4 q3 race record'
wanted=${STEPS:-$all}
bin=build/bin
bundle=build/bundle
[ -z "${PREBUILT:-}" ] || bin=$bundle/bin
log=build/record-gpu
python=${PYTHON:-python3}

say() { printf 'record-gpu: %s\n' "$*"; }
stop() {
    printf 'record-gpu: %s\n' "$*" >&2
    exit 1
}

for step in $wanted; do
    case " $all " in *" $step "*) ;; *) stop "STEPS: '$step'; expected some of: $all" ;; esac
done
case $profile in quick | full) ;; *) stop "PROFILE: '$profile'; expected quick or full" ;; esac
[ -x .ci/record.sh ] || stop "run it in the root of the checkout"
[ -n "${PREBUILT:-}" ] || [ -n "$(.ci/setup.sh --nvcc)" ] ||
    stop "no nvcc: install the CUDA toolkit, 12 or 13, and put its bin folder on the PATH"
# What says that a driver is there, without a program that may be missing.
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ] && [ ! -e /proc/driver/nvidia/version ] &&
    ! nvidia-smi -L >/dev/null 2>&1; then
    stop "no NVIDIA driver here (no /dev/nvidiactl, and nvidia-smi finds no GPU)"
fi
mkdir -p "$log" || exit 1

[ -z "${PREBUILT:-}" ] || [ -x "$bin/operations" ] ||
    stop "PREBUILT: no $bin/operations; tar -xf build/bundle.tar.xz unpacks what .ci/bundle.sh made"

# Our programs, with the libraries that came with them.
with_libraries() {
    if [ -n "${PREBUILT:-}" ]; then
        env LD_LIBRARY_PATH="$PWD/$bundle${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"
    else
        "$@"
    fi
}

# --- the steps: each is a function; what it prints goes to its log ------------------------------------

step_build() {
    [ -n "${PREBUILT:-}" ] && return 0
    .ci/setup.sh build && make -j"$(nproc)" --no-print-directory experiment-programs bench-programs \
        build/bin/tests
}

step_operations() { with_libraries "$bin/operations" --gpu=real --profile="$profile" --results=results/local; }

# The suites whose sources speak of the mirror, in which the operator table runs on the GPU.
step_tests() {
    # shellcheck disable=SC2046  # a list of suites
    with_libraries env TAMRIN_TEST_GPU=1 CK_DEFAULT_TIMEOUT=300 "$bin/tests" $(grep -l 'mirror_cuda' tests/*/test_*.c |
        sed 's|.*/test_||; s|\.c$||')
}

# Every operation once, forward and backward, in every precision.
step_sanitizer() {
    sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
    if [ ! -x "$sanitizer" ]; then
        echo "no compute-sanitizer: left out"
        return 0
    fi
    for tool in memcheck racecheck; do
        with_libraries "$sanitizer" --tool "$tool" --error-exitcode 9 "$bin/operations" --gpu=real \
            --results="$log/sanitized" || return 1
    done
}

step_q4() { with_libraries "$bin/q4_complexity" --device=cuda --profile="$profile" --results=results/local; }

step_q3() { with_libraries "$bin/q3_parallelism" --device=cuda --profile="$profile" --results=results/local; }

step_race() {
    if ! "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        echo "no PyTorch that finds a GPU ($python; PYTHON names another): left out"
        return 0
    fi
    filter=''
    ours=$bin/peer_attention
    [ -z "${PREBUILT:-}" ] || ours="env LD_LIBRARY_PATH=$bundle $ours"
    [ "$profile" = full ] || filter='--filter=16384 --repetitions=3'
    # shellcheck disable=SC2086  # a list of flags
    "$python" bench/peers/race.py attention --device=cuda --results=results/local \
        --ours="$ours" $filter
}

step_record() {
    if [ "$profile" != full ]; then
        echo "PROFILE=quick is not recorded"
        return 0
    fi
    if [ -n "${FAILED:-}" ]; then
        echo "not recorded, because of:$FAILED"
        return 1
    fi
    .ci/record.sh
}

# Seconds that a step takes on a large GPU; only for what is told.
seconds_of() {
    case $1-$profile in
    build-*) echo 150 ;;
    operations-*) echo 5 ;;
    tests-*) echo 60 ;;
    sanitizer-*) echo 60 ;;
    q4-full) echo 150 ;;
    q3-full) echo 60 ;;
    race-full) echo 60 ;;
    record-*) echo 1 ;;
    *) echo 20 ;;
    esac
}

# The stamp is newer than what the step ran.
is_done() {
    [ -z "${STEPS:-}" ] && [ "$1" != build ] && [ "$1" != record ] || return 1
    stamp=$log/$1.$profile.done
    [ -e "$stamp" ] || return 1
    for made in "$bin/tamrin_cuda.so" "$bin/operations" "$bin/tests" "$bin/q4_complexity" \
        "$bin/q3_parallelism" "$bin/peer_attention"; do
        [ -z "$(find "$made" -newer "$stamp" 2>/dev/null)" ] || return 1
    done
}

# Runs a step for `limit` seconds at most; what keeps checkpoints keeps them when it is stopped.
run_step() {
    FAILED=$failed timeout -s INT -k 20 "$limit" "$0" --step "$1" >"$log/$1.log" 2>&1 &
    worker=$!
    trap 'kill -INT $worker; wait $worker; say "interrupted; the same command goes on where it was"; exit 130' INT TERM
    wait $worker
    status=$?
    trap - INT TERM
    [ $status -ne 124 ] || echo "over the limit of $limit s (LIMIT)" >>"$log/$1.log"
    return $status
}

if [ "${1-}" = --step ]; then
    "step_$2"
    exit
fi

failed=
left=0
for step in $wanted; do
    is_done "$step" || left=$((left + $(seconds_of "$step")))
done
for step in $wanted; do
    if is_done "$step"; then
        say "$step: done already (build/record-gpu/$step.log)"
        continue
    fi
    say "$step: about $(seconds_of "$step") s; about $left s left in all"
    began=$(date +%s)
    if run_step "$step"; then
        touch "$log/$step.$profile.done"
        tail -n 2 "$log/$step.log" | sed 's/^/    /'
        say "$step: $(($(date +%s) - began)) s"
    else
        failed="$failed $step"
        tail -n 12 "$log/$step.log" | sed 's/^/    /' >&2
        say "$step: FAILED after $(($(date +%s) - began)) s; all of it: $log/$step.log" >&2
        # Without these nothing that follows means anything.
        case $step in build | operations | tests) break ;; esac
    fi
    left=$((left - $(seconds_of "$step")))
done
[ -z "$failed" ] || stop "failed:$failed"
