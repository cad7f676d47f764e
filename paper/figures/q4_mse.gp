# q4_mse: figure 4 of Choromanski et al. (2021) at its own size: error against feature columns.
# needs: q4_features mse

table = dir_q4_features.'/mse.tsv'
maps = 'positive positive trigonometric trigonometric'
kinds = 'orthogonal iid orthogonal iid'
array MINK[4] = ['#b3202a', '#d98200', '#000000', '#8a8f96']
array MMARK[4] = [13, 12, 5, 4]
array MDASH[4] = [1, 2, 1, 2]

eval open_page(7.4, 1)
set logscale xy
set xlabel L_columns font WORDS
set ylabel L_mse font WORDS offset .2,0
set format y '10^{%L}'
set lmargin at screen .105
set rmargin at screen .99
stats table using (column('columns')):(column('mean')) nooutput
set xtics STATS_min_x, 2, STATS_max_x * 2
set xrange [STATS_min_x / 1.15 : STATS_max_x * 1.15]
row(k) = is('map', word(maps, k)) * is('kind', word(kinds, k))
# A deviation larger than the mean has no logarithm: the band then ends at a tenth of the mean.
below(mean, deviation) = mean - deviation > .1 * mean ? mean - deviation : .1 * mean
title_of(k) = value('L_'.word(maps, k).'_'.word(kinds, k))

do for [k = 1:4] { eval legend_point(k - 1, title_of(k), MMARK[k], MINK[k]) }
plot for [k = 1:4] table using (row(k) * column('columns')):(below(column('mean'), column('deviation'))):(column('mean') + column('deviation')) \
         with filledcurves fs transparent solid .15 noborder fc rgb MINK[k] notitle, \
     for [k = 1:4] table using (row(k) * column('columns')):'mean' \
         with linespoints pt MMARK[k] dt MDASH[k] ps .65 lw 1.1 lc rgb MINK[k] notitle
