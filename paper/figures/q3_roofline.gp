# q3_roofline: how fast the LSTM's step and the attention layer run, against operations per byte moved,
# under the machine's own roofs.
# needs: q3_parallelism roofline peak

table = dir_q3_parallelism.'/roofline.tsv'
peaks = dir_q3_parallelism.'/peak.tsv'
KINDS = 'step gemm softmax'
array QINK[3] = ['#d98200', '#8a8f96', '#1b5e9e']
array QMARK[3] = [5, 4, 7]
roof(name) = is('quantity', name) * column('value')
stats peaks using (roof('gemm')) nooutput
gemm = STATS_max
stats peaks using (roof('memory')) nooutput
memory = STATS_max
stats peaks using (roof('cache')) nooutput
cache = STATS_max

eval open_page(8.4, 2)
set logscale xy
set xlabel L_q3_intensity font WORDS
set ylabel L_q3_rate font WORDS offset .2,0
set format y '10^{%L}'
set format x '%g'
set lmargin at screen .105
set rmargin at screen .99
stats table using (column('intensity')):(column('rate')) nooutput
set xrange [STATS_min_x / 2 : STATS_max_x * 2]
set yrange [STATS_min_y / 3 : gemm * 2]
row(k) = is('what', word(KINDS, k))
least(a, b) = a < b ? a : b
do for [k = 1:3] { eval legend_point(k - 1, value('L_q3_roof_'.word(KINDS, k)), QMARK[k], QINK[k]) }
eval legend_line(3, L_q3_roof_peak, 1, '#000000')
eval legend_line(4, L_q3_roof_cache, 2, '#000000')
eval legend_line(5, L_q3_roof_memory, 3, '#000000')
set samples 300
plot gemm with lines lw 1.4 lc rgb '#000000' notitle, \
     least(gemm, cache * x) with lines dt 2 lw 1.4 lc rgb '#000000' notitle, \
     least(gemm, memory * x) with lines dt 3 lw 1.4 lc rgb '#000000' notitle, \
     for [k = 1:3] table using (row(k) * column('intensity')):'rate':'low':'high' \
         with yerrorbars pt QMARK[k] ps .7 lw .8 lc rgb QINK[k] notitle
