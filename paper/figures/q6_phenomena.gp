# q6_phenomena: Matthews correlation on the sentences that show a phenomenon (major features).
# needs: q6_mpnet phenomena

table = dir_q6_mpnet.'/phenomena.tsv'
splits = 'in_domain out_of_domain'
array CINK[2] = ['#1b5e9e', '#b3202a']
array CMARK[2] = [5, 13]

# Rows in the order of the table; names hold spaces, so they are numbered, not listed.
eval open_page(10.5, 1)
set xlabel L_mcc font WORDS
set lmargin at screen .26
set rmargin at screen .985
set format x '%.1f'
keep(level, split) = is('level', level) * is('split', split)
count = 0
stats table using (keep('major', 'in_domain') == 1 ? (count = count + 1) : NaN) nooutput
NAMES = ''
# The names' places: a feature of either split has the row of its first appearance in domain.
remember(n) = (NAMES = NAMES.'|'.n, 0)
stats table using (keep('major', 'in_domain') == 1 ? remember(stringcolumn('feature')) : NaN) nooutput
before(n) = strstrt(NAMES.'|', '|'.n.'|')
bars(t) = sum [c = 1:strlen(t)] (t[c:c] eq '|')
row_of(n) = before(n) > 0 ? bars(NAMES[1:before(n)]) : NaN
set yrange [count + .6 : .4]
unset ytics
set ytics () font 'TeX Gyre Pagella,8'
part(t, k) = k == 1 ? t[1:strstrt(t.'|', '|') - 1] : part(t[strstrt(t, '|') + 1:*], k - 1)
do for [k = 1:count] { set ytics add (part(NAMES[2:*], k) k) }
do for [k = 1:2] { eval legend_point(k - 1, value('L_split_'.word(splits, k)), CMARK[k], CINK[k]) }
set xrange [-.2 : 1]
plot for [k = 1:2] table using (keep('major', word(splits, k)) * column('mcc')):(row_of(stringcolumn('feature')) + (k - 1.5) * .3):'low':'high' \
         with xerrorbars pt CMARK[k] ps .6 lw 1 lc rgb CINK[k] notitle
