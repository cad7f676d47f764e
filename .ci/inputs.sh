#!/bin/sh
# Brings what the experiments read (make data), as far as it can be had. Without a network and a
# mirror this is one line and no error: the report then rests on recorded results.
#
#   MIRROR=../shared .ci/inputs.sh quick
set -u
profile=$1
errors=build/inputs.log
failed=build/inputs.failed
mkdir -p build
rm -f "$failed"

if ! .ci/setup.sh data >"$errors" 2>&1; then
    echo "inputs: curl or unzip cannot be installed (make setup says more); going on without"
    exit 0
fi
{ experiments/fetch.sh experiments/inputs.tsv build/data "$profile" 2>"$errors" || : >"$failed"; } |
    while IFS= read -r line; do
        # What no address serves is named by the programs that would read it.
        case $line in *': present' | *': left out: no address serves '*) ;; *) printf '%s\n' "$line" ;; esac
    done
if [ -e "$failed" ]; then
    rm -f "$failed"
    printf 'inputs: not all there: %s; going on without (make data MIRROR=folder brings them)\n' \
        "$(head -n 1 "$errors")"
fi
