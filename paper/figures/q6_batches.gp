# q6_batches: the loss of every batch, and its running mean.
# needs: q6_mpnet batches

table = dir_q6_mpnet.'/batches.tsv'
array SINK[6] = ['#1b5e9e', '#b3202a', '#000000', '#d98200', '#3c8d4f', '#7b4ea3']
array SDASH[6] = [1, 2, 4, 5, 3, 6]

eval open_page(7.6, 2)
set xlabel L_step font WORDS
set ylabel L_loss font WORDS offset .6,0
set lmargin at screen .085
set rmargin at screen .99
stats table using (collect(stringcolumn('seed'))) nooutput
SEEDS = WORDLIST
stats table using (column('step')):(column('loss')) nooutput
set xrange [0 : STATS_max_x]
set yrange [0 : 1.4]
set ytics .2
set format y '%.1f'
# Exponential mean over about fifty batches, begun at the first value.
running = 0
smooth_loss(step, y) = (running = step < 2 ? y : .96 * running + .04 * y)
eval legend_point(0, L_every_batch, 7, '#b8bdc4')
do for [k = 1:words(SEEDS)] { eval legend_line(k, L_running_mean.' '.word(SEEDS, k), SDASH[(k - 1) % 6 + 1], SINK[(k - 1) % 6 + 1]) }
plot table using 'step':'loss' with points pt 7 ps .12 lc rgb '#b8bdc4' notitle, \
     for [k = 1:words(SEEDS)] table using (is('seed', word(SEEDS, k)) * column('step')):(stringcolumn('seed') eq word(SEEDS, k) ? smooth_loss(column('step'), column('loss')) : NaN) \
         with lines dt SDASH[(k - 1) % 6 + 1] lw 1.3 lc rgb SINK[(k - 1) % 6 + 1] notitle
