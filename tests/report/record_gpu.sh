#!/bin/sh
# .ci/record-gpu.sh on machines that lack something, and the order of its steps: what is passed over,
# what stops it, what is not recorded. Programs and GPU are stand-ins that only say that they ran.
#
#     tests/report/record_gpu.sh
#
# Prints one line a check and exits with 1 when any of them fails. Takes a second.
set -u
script=$(cd "$(dirname "$0")/../../.ci" && pwd)/record-gpu.sh
# shellcheck source=tests/report/checks.sh
. "$(dirname "$0")/checks.sh"
label="record-gpu: "
cd "$work" || exit 2
mkdir -p .ci build/bin tests/op usual bench/peers
cp "$script" .ci/
echo 'mirror_cuda' >tests/op/test_first.c
echo 'nothing' >tests/op/test_other.c

stand_in() { # path, what it does besides saying so
    {
        echo '#!/bin/sh'
        echo "echo \"\$(basename \"\$0\") \$*\" >>'$work/ran'"
        echo "${2:-}"
    } >"$1"
    chmod +x "$1"
}
for name in operations tests q4_complexity q3_parallelism peer_attention tamrin_cuda.so; do
    stand_in "build/bin/$name"
done
stand_in .ci/record.sh
# shellcheck disable=SC2016  # the stand-in's own words
stand_in .ci/setup.sh '[ "$1" != --nvcc ] || echo "$NVCC_HERE"'
# shellcheck disable=SC2016  # the stand-in's own words
stand_in usual/nvidia-smi 'exit ${NO_DRIVER:-0}'
stand_in usual/make
# shellcheck disable=SC2016
stand_in usual/python 'case $* in *race.py*) ;; *) exit ${NO_TORCH:-0} ;; esac'
stand_in usual/compute-sanitizer
export PATH="$work/usual:$PATH" NVCC_HERE=/usr/bin/nvcc PYTHON=python

try() {
    : >ran
    run "$@"
}
check() { says "$1" "$2" "$3" "$work/out" "$work/err"; } # label, status, pattern of what was said
ran() {                                                  # label, pattern, how often
    if [ "$(grep -c -- "$2" ran)" -eq "$3" ]; then pass "$1"; else fail "$1" ran; fi
}

NVCC_HERE='' try .ci/record-gpu.sh
check "no nvcc" 1 "no nvcc: install the CUDA toolkit"
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ] && [ ! -e /proc/driver/nvidia/version ]; then
    NO_DRIVER=1 try .ci/record-gpu.sh
    check "no driver" 1 "no NVIDIA driver here"
    ran "nothing was built" "^make" 0
fi
STEPS='tests q5' try .ci/record-gpu.sh
check "no such step" 1 "expected some of: build operations"

PROFILE=quick try .ci/record-gpu.sh
check "a quick run" 0 "PROFILE=quick is not recorded"
ran "a quick run records nothing" "^record.sh" 0
try .ci/record-gpu.sh
check "all of it" 0 "record: 0 s\|record: 1 s"
ran "the suites with a GPU's operations" "^tests first$" 1
ran "the sanitizer, two tools" "^compute-sanitizer --tool" 2
ran "question 4 in full" "^q4_complexity --device=cuda --profile=full" 1
ran "the race" "race.py attention --device=cuda" 1
ran "recorded" "^record.sh" 1
try .ci/record-gpu.sh
check "again" 0 "q4: done already"
ran "nothing is measured twice" "^q4_complexity" 0
touch build/bin/q4_complexity
try .ci/record-gpu.sh
ran "a new program is measured again" "^q4_complexity" 1
STEPS=q3 try .ci/record-gpu.sh
ran "a step that is asked for runs" "^q3_parallelism" 1
ran "and no other" "^q4_complexity" 0

touch build/bin/tamrin_cuda.so
stand_in build/bin/tests 'echo "wrong number"; exit 1'
try .ci/record-gpu.sh
check "a failed test is shown" 1 "wrong number"
ran "nothing is measured after it" "^q4_complexity" 0
ran "nothing is recorded after it" "^record.sh" 0
stand_in build/bin/tests
stand_in build/bin/q4_complexity 'exit 1'
try .ci/record-gpu.sh
check "a failed measurement" 1 "failed: q4"
ran "the others go on" "^q3_parallelism" 1
ran "but nothing is recorded" "^record.sh" 0
stand_in build/bin/q4_complexity 'sleep 20'
LIMIT=0.3 STEPS=q4 try .ci/record-gpu.sh
check "a step has a limit" 1 "over the limit of 0.3 s"
PREBUILT=1 try .ci/record-gpu.sh
check "nothing was brought" 1 "no build/bundle/bin/operations"
mkdir -p build/bundle
cp -R build/bin build/bundle/
stand_in build/bundle/bin/operations "echo \"with \$LD_LIBRARY_PATH\" >>'$work/ran'"
NVCC_HERE='' PREBUILT=1 STEPS='build operations' try .ci/record-gpu.sh
check "what was brought runs without nvcc" 0 "operations: [0-9] s"
ran "with its own libraries" "^with $work/build/bundle" 1
ran "and nothing is built" "^make" 0
NO_TORCH=1 STEPS=race try .ci/record-gpu.sh
check "no PyTorch" 0 "no PyTorch that finds a GPU"
ran "then no race" "race.py" 0
exit "$failed"
