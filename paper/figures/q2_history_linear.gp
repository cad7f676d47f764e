# q2_history_linear: the parallel and the recurrent form of causal kernel attention, both in float,
# against all pairs in double.
# needs: q2_history linear

table = dir_q2_history.'/linear.tsv'
MAPS = 'elu favor'
FORMS = 'parallel recurrent'
array QINK[4] = ['#1b5e9e', '#d98200', '#000000', '#b3202a']
array QMARK[4] = [7, 5, 6, 4]

eval open_page(6.6, 1)
set logscale xy
set xlabel L_length font WORDS
set ylabel L_history_nmse font WORDS offset .2,0
set format y '10^{%L}'
set lmargin at screen .105
set rmargin at screen .99
stats table using (column('length')):(column('high')) nooutput
set xrange [STATS_min_x / 1.2 : STATS_max_x * 1.2]
set xtics STATS_min_x, 2, STATS_max_x * 2
set yrange [1e-16 : 1e-11]
at(m, f) = is('map', word(MAPS, m)) * is('form', word(FORMS, f))
do for [m = 1:2] { do for [f = 1:2] {
    eval legend_point(2 * (m - 1) + f - 1, value('L_history_'.word(MAPS, m).'_'.word(FORMS, f)), QMARK[2 * (m - 1) + f], QINK[2 * (m - 1) + f])
} }
plot for [i = 0:3] table using (at(i / 2 + 1, i % 2 + 1) * column('length')):'nmse':'low':'high' \
         with yerrorbars pt QMARK[i + 1] ps .6 lw .8 lc rgb QINK[i + 1] notitle, \
     for [i = 0:3] table using (at(i / 2 + 1, i % 2 + 1) * column('length')):'nmse' \
         with lines lw .8 lc rgb QINK[i + 1] notitle
