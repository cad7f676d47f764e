#!/bin/sh
# Keeps this machine's results of the full profile, and the short runs <name>_quick that have a folder
# of their own: results/local/* becomes results/recorded/<machine>/*, ready to be committed.
set -eu
count=0
left_out=0
for folder in results/local/*/; do
    run=${folder}run.tsv
    [ -e "$run" ] || continue
    name=$(basename "$folder")
    value() { awk -F '\t' -v key="$1" '$1 == key { print $2 }' "$run"; }
    profile=$(value profile)
    # A short run in a folder of its own is compared with the same short run elsewhere; any other
    # would stand in place of the full one.
    case $name-$profile in
    *-full | *_quick-quick) ;;
    *)
        echo "results/local/$name: left out, its profile is '$profile'" >&2
        left_out=$((left_out + 1))
        continue
        ;;
    esac
    machine=$(value machine)
    case $machine in
    '' | *[!a-z0-9-]*)
        echo "$run: machine '$machine' cannot name a folder" >&2
        exit 1
        ;;
    esac
    case $machine in
    *emulated*)
        echo "results/local/$name: left out, no GPU made it: the tests' emulation did" >&2
        left_out=$((left_out + 1))
        continue
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
    [ $left_out -gt 0 ] || echo "results/local holds no results" >&2
    echo "nothing to record; make measure PROFILE=full makes what is recorded" >&2
    exit 1
fi
