# q3_time: one layer, one sequence: time against length, with and without the backward pass.
# needs: q3_parallelism summary

table = dir_q3_parallelism.'/summary.tsv'
LAYERS = 'lstm softmax elu favor convolution'
array QINK[5] = ['#d98200', '#1b5e9e', '#3c8d4f', '#b3202a', '#8a8f96']
array QMARK[5] = [5, 7, 15, 13, 9]
parts = 'forward both'

eval open_page(8.6, 2)
set multiplot
set logscale xy
set xlabel L_length font WORDS
set format y '10^{%L}'
here(k, part) = is('stage', 'length') * is('runner', word(LAYERS, k)) * is('part', part)
stats table using (is('stage', 'length') * column('length')):(column('seconds')) nooutput
set xrange [STATS_min_x / 1.25 : STATS_max_x * 1.25]
set yrange [STATS_min_y / 2 : STATS_max_y * 2]
set xtics STATS_min_x, 2, STATS_max_x * 2

do for [d = 1:2] {
    part = word(parts, d)
    set title (d == 1 ? L_forward : L_q3_both) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_seconds font WORDS offset .8,0
        do for [k = 1:5] { eval legend_point(k - 1, value('L_q3_layer_'.word(LAYERS, k)), QMARK[k], QINK[k]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:5] table using (here(k, part) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb QINK[k] notitle, \
         for [k = 1:5] table using (here(k, part) * column('length')):'seconds' \
             with linespoints pt QMARK[k] ps .6 lw .9 lc rgb QINK[k] notitle
}
unset multiplot
