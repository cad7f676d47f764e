# q2_drawbacks_generate: the t-th generated symbol: processor time, and bytes held of the past.
# needs: q2_drawbacks generate

table = dir_q2_drawbacks.'/generate.tsv'
KINDS = 'lstm tiled kernel'
array QINK[3] = ['#d98200', '#1b5e9e', '#3c8d4f']
array QMARK[3] = [5, 7, 15]
eval open_page(7.4, 1)
stats table using (column('t')) nooutput
set multiplot
set logscale x
set xlabel L_q2d_symbol font WORDS
set xrange [STATS_min : STATS_max * 1.1]
set xtics STATS_min, 4, STATS_max
row(k) = is('kind', word(KINDS, k)) * column('t')
power(k) = (int(column('t')) & (int(column('t')) - 1) ? NaN : 1) * row(k)
do for [k = 1:3] { eval legend_point(k - 1, value('L_q2d_holds_'.word(KINDS, k)), QMARK[k], QINK[k]) }

eval left_panel
set title L_q2d_milliseconds font WORDS offset 0,TITLE_DROP
set format y '%g'
set yrange [0 : *]
plot for [k = 1:3] table using (row(k)):(1e3 * column('low')):(1e3 * column('high')) \
         with filledcurves fs transparent solid .25 noborder fc rgb QINK[k] notitle, \
     for [k = 1:3] table using (row(k)):(1e3 * column('seconds')) with lines lw 1.1 lc rgb QINK[k] notitle, \
     for [k = 1:3] table using (power(k)):(1e3 * column('seconds')) with points pt QMARK[k] ps .6 lc rgb QINK[k] notitle

set lmargin at screen .60
set rmargin at screen .993
set logscale y
set format y '10^{%L}'
set yrange [* : *]
set title L_q2d_held font WORDS offset 0,TITLE_DROP
plot for [k = 1:3] table using (row(k)):'formula_bytes' with lines lw 1.1 lc rgb QINK[k] notitle, \
     for [k = 1:3] table using (power(k)):'bytes' with points pt QMARK[k] ps .6 lc rgb QINK[k] notitle
unset multiplot
