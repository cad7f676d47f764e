#!/bin/sh
# Finds out which programs and libraries are here, and installs what is missing.
#
#   .ci/setup.sh build report     installs what these sets lack; silent when nothing is missing
#   .ci/setup.sh --status         prints every capability, and what a missing one costs
#
# Sets: build (make test, bench, experiments), report (the PDFs), data (make data), lint. With build
# comes wish: what makes things faster and is not needed. It is tried once and stops nothing.
# Installing uses apt-get, as root or through a sudo that asks for no password. Otherwise it
# prints the one line to run and stops.
set -u
LC_ALL=C
export LC_ALL

# What is looked for: set | how | name | Debian package | what it is.
#   command   a program on the PATH        header  an include file
#   openblas  OpenBLAS built on OpenMP     library a shared or static library
#   tex       a file TeX can find          font    a family fontconfig can find
wanted='
build|command|gcc|gcc|C compiler
build|header|stdlib.h|libc6-dev|C library headers
build|command|ar|binutils|archiver
build|command|pkg-config|pkg-config|finds compiler flags
build|openblas|openblas|libopenblas-openmp-dev|OpenBLAS on OpenMP
build|header|lapacke.h|liblapacke-dev|LAPACKE
build|header|cjson/cJSON.h|libcjson-dev|cJSON
build|header|Random123/philox.h|librandom123-dev|Random123
build|header|utf8proc.h|libutf8proc-dev|utf8proc
build|header|zlib.h|zlib1g-dev|zlib
build|header|check.h|check|Check
wish|header|oneapi/dnnl/dnnl.h|libdnnl-dev|oneDNN: faster products, bf16
report|command|xelatex|texlive-xetex|XeLaTeX
report|tex|xepersian.sty|texlive-lang-arabic|Persian typesetting
report|tex|unicode-math.sty|texlive-latex-recommended|LaTeX packages
report|tex|tikz.sty|texlive-pictures|drawings
report|tex|pzdr.tfm|texlive-fonts-recommended|the symbols that hyperref loads
report|font|TeX Gyre Pagella|fonts-texgyre|the Latin face
report|font|TeX Gyre Pagella Math|fonts-texgyre-math|the face of formulas
report|font|Amiri|fonts-hosny-amiri|the Persian face
report|font|DejaVu Sans Mono|fonts-dejavu-core|the face of code
report|command|gnuplot|gnuplot-nox|figures
report|command|pdftotext|poppler-utils|reads the PDFs back
report|command|fc-list|fontconfig|finds fonts
data|command|curl|curl|downloads
data|file|/etc/ssl/certs/ca-certificates.crt|ca-certificates|certificates for https
data|command|unzip|unzip|unpacks
lint|command|clang-format|clang-format|format of the sources
lint|command|cppcheck|cppcheck|static analysis
lint|command|shellcheck|shellcheck|static analysis of scripts
'

say() { printf '%s\n' "$*"; }

# --- looking ------------------------------------------------------------------------------------

triplet=
if command -v gcc >/dev/null 2>&1; then triplet=$(gcc -print-multiarch 2>/dev/null); fi

has_header() {
    for folder in /usr/include ${triplet:+"/usr/include/$triplet"} /usr/local/include \
        /usr/include/openblas /usr/include/lapacke /opt/homebrew/include; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

# The folder of an OpenBLAS that runs its threads through OpenMP. Debian keeps each flavour apart,
# so the right one is found even where an alternative points to another.
openblas_folder() {
    for folder in ${triplet:+"/usr/lib/$triplet/openblas-openmp"} /usr/lib/*/openblas-openmp; do
        if [ -e "$folder/libopenblas.so" ]; then
            say "$folder"
            return 0
        fi
    done
    # Elsewhere there is one flavour; pkg-config knows it, and the tests find out if it is wrong.
    [ ! -e /etc/debian_version ] && pkg-config --variable=libdir openblas 2>/dev/null
}

has() { # how name
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    header) has_header "$2" ;;
    openblas) [ -n "$(openblas_folder)" ] ;;
    file) [ -e "$2" ] ;;
    tex) command -v kpsewhich >/dev/null 2>&1 && [ -n "$(kpsewhich "$2" 2>/dev/null)" ] ;;
    font) command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list ":family=$2" family)" ] ;;
    *) return 1 ;;
    esac
}

# Lines of `wanted` that belong to one of the sets given and are not here.
missing() {
    say "$wanted" | while IFS='|' read -r set how name package what; do
        case " $* " in *" $set "*) ;; *) continue ;; esac
        has "$how" "$name" || say "$set|$how|$name|$package|$what"
    done
}

# --- installing ---------------------------------------------------------------------------------

# What the last attempt to fulfil wishes said; while it is there, they are not tried again.
wish_log=build/setup-wish.log

install_wishes() {
    [ -z "$(missing wish)" ] || [ -e "$wish_log" ] && return 0
    mkdir -p build || return 0
    if (install wish) >"$wish_log" 2>&1; then
        say "Installed oneDNN (not needed, but faster)."
        rm -f "$wish_log"
    else
        say "Going on without what would be faster, not needed: see $wish_log"
    fi
}

install() {
    lacking=$(missing "$@")
    [ -z "$lacking" ] && return 0
    packages=$(say "$lacking" | cut -d'|' -f4 | sort -u | tr '\n' ' ')
    packages=${packages% }
    say "Missing:"
    say "$lacking" | while IFS='|' read -r set how name package what; do
        printf '  %-28s %s (package %s)\n' "$name" "$what" "$package"
    done
    if ! command -v apt-get >/dev/null 2>&1; then
        say "This system has no apt-get. Install the programs and libraries above with its own"
        say "package manager (the names in brackets are Debian's), then run make again."
        return 1
    fi
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        say "Installing needs an administrator. Run this line, then make again:"
        say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages"
        return 1
    fi
    mkdir -p build || return 1
    say "Installing: $packages (log: build/setup.log)"
    options='-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300'
    # The lists may be old or absent; when they cannot be renewed, the old ones may still do.
    # shellcheck disable=SC2086  # as_root, options and packages are lists of words
    {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get $options update
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get $options install -y \
            --no-install-recommends $packages
    } >build/setup.log 2>&1 </dev/null
    status=$?
    still=$(missing "$@")
    if [ $status -eq 0 ] && [ -z "$still" ]; then
        say "Installed."
        return 0
    fi
    tail -n 15 build/setup.log
    if [ $status -ne 0 ]; then
        say "apt-get failed (above: the end of build/setup.log). With a network and current lists,"
        say "this line does the same: apt-get install -y --no-install-recommends $packages"
    else
        say "Installed, and yet not found:"
        say "$still" | cut -d'|' -f3-5
    fi
    return 1
}

# --- telling ------------------------------------------------------------------------------------

line() { printf '  %-10s %-9s %s\n' "$1" "$2" "$3"; }

capability() { # label, set, names it needs, what it is for, what its absence costs
    lacks=
    for name in $3; do
        case " $absent " in *" $name "*) lacks="$lacks $name" ;; esac
    done
    if [ -z "$lacks" ]; then line "$1" found "$4"; else line "$1" missing "$5"; fi
}

status() {
    absent=$(missing build wish report data lint | cut -d'|' -f3 | tr '\n ' ' _')
    say "Capabilities of this machine (make setup installs what is missing):"
    capability "gcc" build "gcc stdlib.h ar pkg-config" "compiles the engine" \
        "nothing can be built"
    if command -v gcc >/dev/null 2>&1 && [ -e "$(gcc -print-file-name=libgomp.so)" ]; then
        line OpenMP found "loops on every processor"
    else
        line OpenMP missing "comes with gcc; nothing can be built"
    fi
    capability "OpenBLAS" build "openblas" "$(openblas_folder)" \
        "no matrix products: nothing can be built"
    capability "libraries" build "lapacke.h cjson/cJSON.h Random123/philox.h utf8proc.h" \
        "LAPACKE, cJSON, Random123, utf8proc" "nothing can be built"
    capability "Check" build "check.h" "make test" "no make test"
    capability "TeX" report "xelatex xepersian.sty unicode-math.sty tikz.sty pzdr.tfm fc-list TeX_Gyre_Pagella \
TeX_Gyre_Pagella_Math Amiri DejaVu_Sans_Mono" "both PDFs" "no PDFs; measurements still work"
    capability "gnuplot" report gnuplot "figures" "no figures, so no PDFs"
    capability "poppler" report pdftotext "the check of the PDFs' text" \
        "the PDFs are not checked, so make report stops"
    capability "curl" data "curl unzip /etc/ssl/certs/ca-certificates.crt" "make data" \
        "no downloads: no make data"
    capability "lint" lint "clang-format cppcheck shellcheck" "make lint" "no make lint"
    capability "oneDNN" wish "oneapi/dnnl/dnnl.h" "faster f32 products, bf16 products on AMX and AVX-512" \
        "products by OpenBLAS alone; bf16 is computed in f32"
    nvcc=$(command -v nvcc || { [ -x /usr/local/cuda/bin/nvcc ] && say /usr/local/cuda/bin/nvcc; })
    if [ -n "$nvcc" ]; then
        line CUDA found "$nvcc; the plug-in is built; --device=cuda uses it"
    else
        line CUDA missing "no GPU; every experiment here runs on the processor"
    fi
}

case ${1-} in
--status) status ;;
--openblas) openblas_folder ;;
--nvcc)
    for nvcc in nvcc /usr/local/cuda/bin/nvcc; do
        if command -v "$nvcc" >/dev/null 2>&1; then
            command -v "$nvcc"
            break
        fi
    done
    ;;
--c++) command -v g++ ;;
--onednn) has_header oneapi/dnnl/dnnl.h && say yes ;;
'' | -*)
    say "usage: .ci/setup.sh --status | SET... (build, report, data, lint)" >&2
    exit 2
    ;;
*)
    install "$@" || exit 1
    case " $* " in *" build "*) install_wishes ;; esac
    ;;
esac
