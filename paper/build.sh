#!/bin/sh
# build: one language of the report, from results and sources to a checked PDF.
#
#     paper/build.sh fa build/report-fa.pdf
#
# REPORT names the report program; NAME and ID the student (else paper/identity.tex); RESULTS and
# BUILD may point elsewhere (the tests do). XeLaTeX runs as often as the table of contents
# and the references need to settle, and only the settled run is turned into a PDF.
set -eu

language=$1
pdf=$2
report=${REPORT:-build/bin/report}
build=${BUILD:-build}
out=$build/paper/$language
figures=$build/figures/$language

set -- --language="$language" --results="${RESULTS:-results}" --out="$out" --figures="$figures"
if [ -n "${NAME:-}" ]; then set -- "$@" --name="$NAME"; fi
if [ -n "${ID:-}" ]; then set -- "$@" --id="$ID"; fi
mkdir -p "$out" "$figures"
"$report" "$@"
${MAKE:-make} --silent --no-print-directory -f "$figures/figures.mk"

# One run of XeLaTeX; its complaints end the build with file and line. In the first run references
# may still be unknown, so that only later ones are strict about glyphs (tamrin.sty).
typeset_once() {
    if max_print_line=10000 TEXINPUTS="$out:paper:" xelatex -no-pdf -interaction=nonstopmode \
        -halt-on-error -file-line-error -no-shell-escape -output-directory="$out" \
        -jobname=report "\\def\\RunNumber{$run}\\input{$out/report.tex}" >"$out/terminal.log" 2>&1; then return; fi
    # The expanded sources have the lines of the sources, so that the place is that of the source.
    sed -n "s|^\(\./\)\{0,1\}$out/\([^:]*:[0-9]*: \)|paper/$language/\2|p; /^l\.[0-9]/p; /^! /p" \
        "$out/terminal.log" >&2
    echo "paper/build.sh: XeLaTeX stopped; its whole output is in $out/report.log" >&2
    exit 1
}

# What one run leaves for the next: when it stays the same, everything is in its place.
settled() {
    cat "$out/report.aux" "$out/report.toc" "$out/report.out" 2>/dev/null | cksum
}

rm -f "$out"/report.xdv
before=none
for run in 1 2 3 4 5; do
    typeset_once
    after=$(settled)
    if [ "$before" = "$after" ]; then break; fi
    before=$after
done
"$report" --check-log="$out/report.log"
xdvipdfmx -q -E -o "$out/report.pdf.part" "$out/report.xdv"
mv "$out/report.pdf.part" "$out/report.pdf"
sh tests/report/check.sh "$out/report.pdf" "$out"
cp "$out/report.pdf" "$pdf"
echo "$pdf: $(pdfinfo "$pdf" | sed -n 's/^Pages: *//p') pages"
