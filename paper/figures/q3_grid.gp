# q3_grid: the LSTM layer's time over softmax attention's, against length, one line a batch: above 1
# attention is the faster one.
# needs: q3_parallelism grid facts

table = dir_q3_parallelism.'/grid.tsv'
array QINK[8] = ['#000000', '#b3202a', '#1b5e9e', '#d98200', '#3c8d4f', '#7b4ea3', '#8a8f96', '#5f6770']
array QMARK[8] = [5, 13, 7, 9, 15, 11, 4, 6]
stats table using (collect(stringcolumn('batch'))) nooutput
BATCHES = WORDLIST
stats dir_q3_parallelism.'/facts.tsv' using (is('name', 'q3.width') * column('value')) nooutput
width = STATS_max

eval open_page(7.8, 2)
set logscale xy
set xlabel L_length font WORDS
set ylabel L_q3_ratio font WORDS offset .2,0
set format y '%.1f'
set lmargin at screen .105
set rmargin at screen .99
stats table using (column('length')):(column('high')) nooutput
set xrange [STATS_min_x / 1.15 : STATS_max_x * 1.15]
set xtics STATS_min_x, 2, STATS_max_x * 2
set ytics (.5, 1, 2, 4, 8)
# Operations by formula: 16 D^2 of the LSTM over 8 D^2 + 4 N D of attention.
counted(n) = 16 * width**2 / (8 * width**2 + 4 * n * width)
row(b) = is('batch', b)
do for [k = 1:words(BATCHES)] { eval legend_point(k - 1, 'B = '.word(BATCHES, k), QMARK[k], QINK[k]) }
eval legend_line(words(BATCHES), L_q3_by_count, 2, '#5f6770')
plot 1 with lines lw 1.4 lc rgb '#5f6770' notitle, \
     counted(x) with lines dt 2 lw 1.2 lc rgb '#5f6770' notitle, \
     for [k = 1:words(BATCHES)] table using (row(word(BATCHES, k)) * column('length')):'low':'high' \
         with filledcurves fs transparent solid .2 noborder fc rgb QINK[k] notitle, \
     for [k = 1:words(BATCHES)] table using (row(word(BATCHES, k)) * column('length')):'ratio' \
         with linespoints pt QMARK[k] ps .6 lw .9 lc rgb QINK[k] notitle
