#!/bin/sh
# Keeps this machine's results of the full profile: results/local/* becomes
# results/recorded/<machine>/*, ready to be committed.
set -eu
count=0
for folder in results/local/*/; do
    run=${folder}run.tsv
    [ -e "$run" ] || continue
    name=$(basename "$folder")
    value() { awk -F '\t' -v key="$1" '$1 == key { print $2 }' "$run"; }
    profile=$(value profile)
    if [ "$profile" != full ]; then
        echo "results/local/$name: profile '$profile'; only PROFILE=full is recorded" >&2
        echo "  (make measure PROFILE=full, then make record)" >&2
        exit 1
    fi
    machine=$(value machine)
    case $machine in
    '' | *[!a-z0-9-]*)
        echo "$run: machine '$machine' cannot name a folder" >&2
        exit 1
        ;;
    esac
    case $(value commit) in
    *+changes | unknown) echo "$name: measured by uncommitted code ($(value commit))" >&2 ;;
    esac
    target=results/recorded/$machine/$name
    mkdir -p "results/recorded/$machine"
    rm -rf "$target.new"
    cp -R "results/local/$name" "$target.new"
    rm -rf "$target"
    mv "$target.new" "$target"
    echo "$target"
    count=$((count + 1))
done
if [ $count -eq 0 ]; then
    echo "results/local holds no results; make measure PROFILE=full makes them" >&2
    exit 1
fi
