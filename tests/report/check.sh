#!/bin/sh
# check: reads a finished report back from its PDF and compares it with what went in.
#
#     tests/report/check.sh build/paper/fa/report.pdf build/paper/fa
#
# Every page must have the student's name and number at the left of its head; no page may show
# "??"; and every number that the text quotes (quoted.tsv) must stand in it as it is in facts.tsv:
# digits in order, the interval at the right of its value. A mirrored number ("89.1" for "1.98",
# or "[2.01, 1.95] 1.98") is not found and fails.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

pdf=$1
folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "tests/report/check.sh: $pdf: $*" >&2
    exit 1
}

pages=$(pdfinfo "$pdf" | sed -n 's/^Pages: *//p')
[ "${pages:-0}" -gt 0 ] || fail "pdfinfo finds no pages"

# One line a word: page, left, middle, right, word. The order of its letters is that of the eye.
pdftotext -bbox "$pdf" "$work/bbox.html"
sed -n -e 's|.*<page width=.*|page|p' \
    -e 's|.*<word xMin="\([-0-9.]*\)" yMin="\([-0-9.]*\)" xMax="\([-0-9.]*\)" yMax="\([-0-9.]*\)">\(.*\)</word>.*|word \1 \2 \3 \4 \5|p' \
    "$work/bbox.html" |
    sed -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&quot;/"/g' -e 's/&amp;/\&/g' \
        -e 'y/۰۱۲۳۴۵۶۷۸۹٬/0123456789,/' |
    awk '$1 == "page" { page++; next }
         { printf "%d\t%s\t%s\t%s\t%s\n", page, $2, ($3 + $5) / 2, $4, $6 }' >"$work/words"

# --- the head of every page ------------------------------------------------------------------------

# Direction marks and the zero-width non-joiner leave no trace on paper.
invisible() { sed 's/[\xe2][\x80][\x8c-\x8f\xaa-\xae]//g'; }

# The left half of the top of each page, in reading order.
width=$(sed -n 's|.*<page width="\([0-9]*\).*|\1|p' "$work/bbox.html" | head -1)
pdftotext -r 72 -x 0 -y 0 -W $((width / 2)) -H 70 "$pdf" "$work/heads"
LC_ALL=C invisible <"$work/heads" | tr '\n\f' ' \n' >"$work/lines"
name=$(sed -n 's/^name	//p' "$folder/identity.tsv" | LC_ALL=C invisible)
id=$(sed -n 's/^id	//p' "$folder/identity.tsv")
for wanted in "$name" "$id"; do
    missing=$(grep -n -v -F -- "$wanted" "$work/lines" | head -3 | cut -d : -f 1 | tr '\n' ' ')
    [ -z "$missing" ] || fail "no \"$wanted\" at the left of the head of page $missing"
done
[ "$(wc -l <"$work/lines")" -eq "$pages" ] || fail "$pages pages, but $(wc -l <"$work/lines") heads"

# --- what must not be there --------------------------------------------------------------------------

pdftotext -layout "$pdf" "$work/text"
if grep -n '??' "$work/text" >"$work/marks"; then fail "unresolved: $(head -3 "$work/marks")"; fi
if grep -n 'TODO\|FIXME' "$work/text" >"$work/marks"; then fail "$(head -3 "$work/marks")"; fi

# --- the numbers -------------------------------------------------------------------------------------

# Tokens of a quoted number must follow each other on one line, left to right. Typographic forms:
# a minus is U+2212; of a power of ten the mantissa is looked for.
tail -n +2 "$folder/quoted.tsv" | cut -f 1,2,3 |
    sed -e 's/-\([0-9]\)/−\1/g' -e 's/\([0-9]\)e[+−][0-9]*/\1/g' >"$work/quoted"
awk -F '\t' '
    NR == FNR { page[NR] = $1; left[NR] = $2; middle[NR] = $3; right[NR] = $4; word[NR] = $5; words = NR; next }
    # Is the token in the word, with no digit or decimal point of another number touching it?
    function holds(text, token,    at, before, after) {
        at = index(text, token)
        if (!at) return 0
        before = substr(text, at - 1, at > 1)
        after = substr(text, at + length(token))
        if (token ~ /^[0-9]/ && before ~ /[0-9.]/) return 0
        if (token ~ /[0-9]$/ && after ~ /^([0-9]|[.,][0-9])/) return 0
        return 1
    }
    # The word that continues the line at the right of word i and holds the token; 0: none.
    function next_word(i, token,    j) {
        for (j = i - 40 > 1 ? i - 40 : 1; j <= i + 40 && j <= words; j++)
            if (page[j] == page[i] && left[j] >= right[i] - 1 && left[j] < right[i] + 12 &&
                middle[j] - middle[i] < 4 && middle[i] - middle[j] < 4 && holds(word[j], token))
                return j
        return 0
    }
    {
        count = split($2, token, " ")
        found = 0
        for (i = 1; i <= words && !found; i++) {
            if (!holds(word[i], token[1])) continue
            at = i
            for (k = 2; k <= count && at; k++) at = next_word(at, token[k])
            found = at > 0
        }
        if (!found) {
            printf "%s: the text of the PDF does not show %s as \"%s\"\n", $3, $1, $2
            bad = 1
        }
    }
    END { exit bad }' "$work/words" "$work/quoted" >"$work/numbers" || fail "
$(cat "$work/numbers")"

echo "$pdf: name and number on all $pages pages, $(wc -l <"$work/quoted") quoted numbers read back"
