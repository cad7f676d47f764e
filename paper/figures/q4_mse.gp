# q4_mse: figure 4 of Choromanski et al. (2021) at its own size: error against feature columns, for
# two norms of queries and keys, because the norm decides which kind of feature is the better one.
# needs: q4_features mse mse_unit facts

maps = 'positive positive trigonometric trigonometric'
kinds = 'orthogonal iid orthogonal iid'
array MINK[4] = ['#b3202a', '#d98200', '#000000', '#8a8f96']
array MMARK[4] = [13, 12, 5, 4]
array MDASH[4] = [1, 2, 1, 2]

eval open_page(8.4, 2)
set multiplot
set logscale xy
set xlabel L_columns font WORDS
set format y '10^{%L}'
row(k) = is('map', word(maps, k)) * is('kind', word(kinds, k))
# A deviation larger than the mean has no logarithm: the band then ends at a tenth of the mean.
below(mean, deviation) = mean - deviation > .1 * mean ? mean - deviation : .1 * mean
title_of(k) = value('L_'.word(maps, k).'_'.word(kinds, k))
do for [k = 1:4] { eval legend_point(k - 1, title_of(k), MMARK[k], MINK[k]) }
eval legend_line(4, L_mean_of_v, 3, '#1b5e9e')

do for [panel = 1:2] {
    set_name = panel == 1 ? 'mse' : 'mse_unit'
    table = dir_q4_features.'/'.set_name.'.tsv'
    set autoscale y
    stats table using (column('columns')):(column('mean')) nooutput
    smallest = STATS_min_x; largest = STATS_max_x
    set xtics smallest, 2, largest * 2
    set xrange [smallest / 1.15 : largest * 1.15]
    stats dir_q4_features.'/facts.tsv' using (is('name', 'q4.'.set_name.'.uniform') * column('value')) nooutput
    uniform = STATS_min
    set title (panel == 1 ? '|q|² / √d = 1' : '|q|² / √d = 4') font WORDS offset 0,TITLE_DROP
    if (panel == 1) {
        eval left_panel
        set ylabel L_mse font WORDS offset .2,0
    } else {
        set lmargin at screen .60; set rmargin at screen .993; unset ylabel
    }
    plot for [k = 1:4] table using (row(k) * column('columns')):(below(column('mean'), column('deviation'))):(column('mean') + column('deviation')) \
             with filledcurves fs transparent solid .15 noborder fc rgb MINK[k] notitle, \
         for [k = 1:4] table using (row(k) * column('columns')):'mean' \
             with linespoints pt MMARK[k] dt MDASH[k] ps .65 lw 1.1 lc rgb MINK[k] notitle, \
         uniform with lines dt 3 lw 1.6 lc rgb '#1b5e9e' notitle
}
unset multiplot
