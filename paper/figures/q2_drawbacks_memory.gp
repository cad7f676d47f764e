# q2_drawbacks_memory: bytes of a training step on one sequence, against its length: counted by the
# arena (lines and filled points), and seen by the system (open points).
# needs: q2_drawbacks memory

table = dir_q2_drawbacks.'/memory.tsv'
KINDS = 'lstm stored tiled kernel'
array QINK[4] = ['#d98200', '#000000', '#1b5e9e', '#3c8d4f']
array QMARK[4] = [5, 13, 7, 15]
array QSEEN[4] = [4, 12, 6, 14]
eval open_page(7.6, 2)
set logscale xy
set xlabel L_length font WORDS
set ylabel L_q2d_bytes font WORDS offset .2,0
set format y '10^{%L}'
set lmargin at screen .105
set rmargin at screen .99
stats table using (column('length')):(column('counted')) nooutput
set xrange [STATS_min_x / 1.15 : STATS_max_x * 1.15]
set yrange [STATS_min_y / 1.5 : STATS_max_y * 2]
set xtics STATS_min_x, 2, STATS_max_x * 2
row(k) = is('kind', word(KINDS, k)) * column('length')
do for [k = 1:4] { eval legend_point(k - 1, value('L_q2d_trains_'.word(KINDS, k)), QMARK[k], QINK[k]) }
eval legend_point(4, L_q2d_seen, 6, '#5f6770')
plot for [k = 1:4] table using (row(k)):'counted' with linespoints pt QMARK[k] ps .6 lw 1 lc rgb QINK[k] notitle, \
     for [k = 1:4] table using (row(k)):'seen' with points pt QSEEN[k] ps .9 lw 1 lc rgb QINK[k] notitle
