#!/bin/sh
# bundle: what make record-gpu runs, with the libraries that it needs, in one file, for a machine with a
# GPU where nothing can be installed.
#
#     .ci/bundle.sh                                   here: makes build/bundle.tar.xz
#     tar -xf build/bundle.tar.xz                     there, in a checkout of the same commit
#     PREBUILT=1 .ci/record-gpu.sh
#
# The libraries of C and C++ are the other machine's own and must not be older than those here; so is cuBLAS.
set -eu
programs='operations tests q4_complexity q3_parallelism peer_attention tamrin_cuda.so'
lib=build/bundle
rm -rf "$lib"
mkdir -p "$lib"
for name in $programs; do
    [ -e "build/bin/$name" ] || {
        echo "bundle: no build/bin/$name: make experiments bench test builds it" >&2
        exit 1
    }
    ldd "build/bin/$name" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | while read -r path; do
    case ${path##*/} in
    libc.so* | libm.so* | libmvec.so* | libstdc++.so* | libgcc_s.so* | libdl.so* | libpthread.so* | librt.so* | ld-linux* | libcu* | libnv*) ;;
    *) cp -L "$path" "$lib/" ;;
    esac
done
# shellcheck disable=SC2086  # a list of names
(cd build/bin && tar -cf - $programs) | (mkdir -p "$lib/bin" && tar -xf - -C "$lib/bin")
for name in $programs; do [ "$name" = tamrin_cuda.so ] || strip "$lib/bin/$name"; done
tar -cJf build/bundle.tar.xz "$lib"
echo "build/bundle.tar.xz: $(du -k build/bundle.tar.xz | cut -f1) KiB"
