#!/bin/sh
# Packs what the course asks for: build/<ID>_HW07.zip with both PDFs, the sources as they are in
# this working tree, and the results that the PDFs quote.
#
#   .ci/submission.sh [--check] NAME ID       --check: only whether it could be done
set -eu
check=
if [ "$1" = --check ]; then
    check=yes
    shift
fi
name=$1
id=$2
fail() {
    echo "make submission: $*" >&2
    exit 1
}
[ -n "$name" ] || fail 'NAME="..." is missing: the student, as on every page of the report'
case $id in
'') fail 'ID=... is missing: the student number, which also names the zip' ;;
*[!0-9A-Za-z_-]*) fail "ID=$id: expected letters and digits only" ;;
esac
git rev-parse --git-dir >/dev/null 2>&1 || fail "packs what git knows: run it in a git clone"
[ -z "$check" ] || exit 0

# The working tree becomes a tree of git's in a store of its own: nothing in .git changes.
store=$(pwd)/build/submission
rm -rf "$store"
mkdir -p "$store/objects"
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(git rev-parse --path-format=absolute --git-path objects)
GIT_OBJECT_DIRECTORY=$store/objects
GIT_INDEX_FILE=$store/index
export GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_INDEX_FILE
git add --all .
[ ! -d results/local ] || git add --all --force results/local
add() { # file, name in the zip
    git update-index --add --cacheinfo "100644,$(git hash-object -w "$1"),$2"
}
add build/report-fa.pdf "${id}_HW07.pdf"
add build/report-en.pdf "${id}_HW07_en.pdf"
tree=$(git write-tree)
git archive --format=zip --prefix="${id}_HW07/" --output="build/${id}_HW07.zip" "$tree"
rm -rf "$store"
echo "build/${id}_HW07.zip"
