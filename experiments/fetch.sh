#!/bin/sh
# Brings the inputs of a manifest: from a mirror, else from the network; verified, then unpacked.
#
#   MIRROR=../shared experiments/fetch.sh experiments/inputs.tsv build/data quick
#   MIRROR=../shared NETWORK=no experiments/fetch.sh experiments/inputs.tsv build/data quick
#
# The last word says how much: quick, full (quick and what PROFILE=full needs besides), or all, the
# default; CORPORA=all adds the lines of the profile corpora. NETWORK=no: what the mirror lacks is
# said and left out. A file comes to <folder>/<destination>/ under its own name and is unpacked
# beside itself; the mirror may hold it compressed (name.gz). What is there already is not brought
# again; an interrupted download goes on where it stopped. A file whose sha256 is not the manifest's
# is an error, and is not left in place.
#
# An address mirror:name: nothing serves these bytes, a mirror may hold them; else it is said and
# left out. Unpack sentences: what is served is CoNLL-U, of which the lines "# text = " are kept,
# one sentence a line in name.txt; sha256 and bytes are of that. Where they differ, the converted
# file is not kept, and it is said.
set -eu
manifest=$1
folder=$2
wanted=${3-all}
tab=$(printf '\t')
LC_ALL=C
export LC_ALL

fail() {
    printf 'fetch: %s\n' "$*" >&2
    exit 1
}
hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum <"$1" | cut -d' ' -f1
    else
        shasum -a 256 <"$1" | cut -d' ' -f1
    fi
}
size_of() { wc -c <"$1" | tr -d ' '; }

wrong_hash() { # file, its hash, its size, advice
    fail "$1: wrong content
  expected sha256 $sha256 ($bytes bytes, $manifest)
  found    sha256 $2 ($3 bytes)
  $4"
}

# The file in the mirror: at its own path, at the top, or under its name and with its size anywhere.
# Several folders may hold files of one name (every model has a config.json), so the hash decides
# which is meant.
from_mirror() {
    found=
    {
        [ -f "$MIRROR/$destination/$file" ] && printf '%s\n' "$MIRROR/$destination/$file"
        [ -f "$MIRROR/$file" ] && printf '%s\n' "$MIRROR/$file"
        find "$MIRROR/" -type f -name "$file" -size "${bytes}c" 2>/dev/null
        find "$MIRROR/" -type f -name "$file.gz" 2>/dev/null
    } >"$target.candidates" || true
    while IFS= read -r candidate; do
        found=$candidate
        plain=$candidate
        if [ "${candidate##*/}" = "$file.gz" ]; then
            plain=$target.plain
            gzip -dc "$candidate" >"$plain" 2>/dev/null || :
        fi
        other=$(hash_of "$plain")
        size=$(size_of "$plain")
        [ "$other" = "$sha256" ] && break
    done <"$target.candidates"
    rm -f "$target.candidates"
    [ -n "$found" ] || return 1
    if [ "$other" != "$sha256" ]; then
        rm -f "$target.plain"
        wrong_hash "$found" "$other" "$size" \
            "The mirror holds another version; replace or remove that file, or leave MIRROR out."
    fi
    cp "$plain" "$target.part" || fail "$target: cannot be copied from $found"
    rm -f "$target.plain"
    echo "$name: from the mirror, $found"
}

# What is served, into $arriving.
from_network() {
    command -v curl >/dev/null 2>&1 || fail "curl is missing (make setup installs it)"
    arriving=$target.part
    if [ "$unpack" = sentences ]; then
        arriving=$target.served
    elif [ -f "$arriving" ] && [ "$(size_of "$arriving")" -ge "$bytes" ]; then
        [ "$(hash_of "$arriving")" = "$sha256" ] && return
        rm -f "$arriving"
    fi
    echo "$name: $address ($bytes bytes)"
    noise=--silent
    if [ -t 2 ] && [ "$bytes" -gt 10000000 ]; then noise=--progress-bar; fi
    status=0
    curl --fail --location $noise --show-error --retry 3 --continue-at - \
        --output "$arriving" "$address" || status=$?
    if [ $status -eq 33 ]; then # the server cannot go on in the middle
        rm -f "$arriving"
        status=0
        curl --fail --location $noise --show-error --retry 3 \
            --output "$arriving" "$address" || status=$?
    fi
    [ $status -eq 0 ] ||
        fail "$name: $address: curl ended with status $status.
  What arrived is kept and the next make data goes on from there. Without a network, put
  $file into a folder and give it: make data MIRROR=<folder>"
    [ "$unpack" = sentences ] || return 0
    tr -d '\r' <"$arriving" | sed -n 's/^# text = //p' >"$target.part"
    rm -f "$arriving"
}

unpack_file() {
    case $unpack in
    zip)
        command -v unzip >/dev/null 2>&1 || fail "unzip is missing (make setup installs it)"
        unzip -q -o "$target" -d "$folder/$destination" ||
            fail "$target: cannot be unpacked"
        ;;
    gz)
        gzip -dc "$target" >"${target%.gz}.part" || fail "$target: cannot be unpacked"
        mv "${target%.gz}.part" "${target%.gz}"
        ;;
    none | sentences) ;;
    *) fail "$manifest: $name: unpack is '$unpack'; expected zip, gz, sentences or none" ;;
    esac
}

bring() {
    file=${address##*/}
    file=${file#mirror:}
    [ "$unpack" != sentences ] || file=${file%.conllu}.txt
    target=$folder/$destination/$file
    stamp=$folder/.unpacked/$name
    if [ -f "$target" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sha256" ]; then
        echo "$name: present"
        return
    fi
    mkdir -p "$folder/$destination" "$folder/.unpacked"
    if [ ! -f "$target" ] || [ "$(hash_of "$target")" != "$sha256" ]; then
        if [ -z "${MIRROR-}" ] || ! from_mirror; then
            if [ "${NETWORK-yes}" = no ]; then
                echo "$name: left out, not in the mirror ${MIRROR:-(none was given)}"
                return
            fi
            case $address in
            mirror:*)
                echo "$name: left out: no address serves $file and the mirror" \
                    "${MIRROR:-(none was given)} lacks it"
                return
                ;;
            esac
            from_network
        fi
        found=$(hash_of "$target.part")
        if [ "$found" != "$sha256" ]; then
            size=$(size_of "$target.part")
            rm -f "$target.part"
            if [ "$unpack" = sentences ]; then
                echo "$name: left out: $size bytes of sentences with sha256 $found came out of" \
                    "$address; expected $bytes and $sha256"
                return
            fi
            wrong_hash "$target" "$found" "$size" "It came from $address and was removed."
        fi
        mv "$target.part" "$target"
    fi
    unpack_file
    printf '%s\n' "$sha256" >"$stamp"
}

case $wanted in
quick | full | all) ;;
*) fail "'$wanted': expected quick, full or all" ;;
esac
[ -r "$manifest" ] || fail "$manifest: cannot be read"
if [ -n "${MIRROR-}" ] && [ ! -d "$MIRROR" ]; then fail "MIRROR=$MIRROR: no such folder"; fi
header=yes
row=0
while IFS=$tab read -r name address revision sha256 bytes licence destination unpack profile rest ||
    [ -n "$name" ]; do
    row=$((row + 1))
    case $name in '' | '#'*) continue ;; esac
    if [ $header = yes ]; then
        columns="name address revision sha256 bytes licence destination unpack profile"
        [ "$name $address $revision $sha256 $bytes $licence $destination $unpack $profile" = \
            "$columns" ] || fail "$manifest:$row: expected the column names $columns"
        header=no
        continue
    fi
    if [ -z "$profile" ] || [ -n "$rest" ]; then fail "$manifest:$row: expected nine fields"; fi
    case $bytes in *[!0-9]*) fail "$manifest:$row: '$bytes' is not a number of bytes" ;; esac
    last=${address##*/}
    for path in "$name" "$destination" "${last#mirror:}"; do
        case $path in
        '' | *..* | /* | *[!A-Za-z0-9_./-]*) fail "$manifest:$row: '$path' is not a path here" ;;
        esac
    done
    case $profile:$wanted in
    quick:* | full:full | full:all | all:all) bring ;;
    corpora:*) if [ "${CORPORA-}" = all ]; then bring; fi ;;
    full:quick | all:*) ;;
    *) fail "$manifest:$row: profile is '$profile'; expected quick, full, all or corpora" ;;
    esac
done <"$manifest"
