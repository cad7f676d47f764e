# q3_devices: one layer, one sequence, forward and backward: time against length, on the processor
# and on the GPU, with the same axes.
# needs: q3_parallelism summary
# needs: q3_parallelism_cuda summary

host = dir_q3_parallelism.'/summary.tsv'
gpu = dir_q3_parallelism_cuda.'/summary.tsv'
LAYERS = 'lstm softmax elu favor convolution'
array QINK[5] = ['#d98200', '#1b5e9e', '#3c8d4f', '#b3202a', '#8a8f96']
array QMARK[5] = [5, 7, 15, 13, 9]
here(k) = is('stage', 'length') * is('runner', word(LAYERS, k)) * is('part', 'both')

eval open_page(8.6, 2)
set multiplot
set logscale xy
set xlabel L_length font WORDS
set format y '10^{%L}'
shortest = 1e99; longest = 0; quickest = 1e99; slowest = 0
do for [file in host.' '.gpu] {
    stats file using (is('stage', 'length') * is('part', 'both') * column('length')):(column('seconds')) nooutput
    shortest = STATS_min_x < shortest ? STATS_min_x : shortest
    longest = STATS_max_x > longest ? STATS_max_x : longest
    quickest = STATS_min_y < quickest ? STATS_min_y : quickest
    slowest = STATS_max_y > slowest ? STATS_max_y : slowest
}
set xrange [shortest / 1.25 : longest * 1.25]
set yrange [quickest / 2 : slowest * 2]
set xtics shortest, longest / shortest > 300 ? 8 : longest / shortest > 40 ? 4 : 2, longest * 2

do for [d = 1:2] {
    table = d == 1 ? host : gpu
    set title (d == 1 ? L_devices_cpu : L_devices_gpu) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_seconds font WORDS offset .8,0
        do for [k = 1:5] { eval legend_point(k - 1, value('L_q3_layer_'.word(LAYERS, k)), QMARK[k], QINK[k]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:5] table using (here(k) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb QINK[k] notitle, \
         for [k = 1:5] table using (here(k) * column('length')):'seconds' \
             with linespoints pt QMARK[k] ps .6 lw .9 lc rgb QINK[k] notitle
}
unset multiplot
