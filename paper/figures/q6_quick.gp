# q6_quick: the short run's loss of every batch, with its running mean, and its learning rate.
# needs: q6_cola batches

table = dir_q6_cola.'/batches.tsv'
eval open_page(5.2, 1)
set xlabel L_step font WORDS
set ylabel L_loss font WORDS offset .6,0
set y2label L_rate font WORDS offset 1.2,0
set lmargin at screen .085
set rmargin at screen .89
stats table using (column('step')):(column('rate')) nooutput
set xrange [0 : STATS_max_x + .5]
set yrange [0 : 1.2]
set ytics .2
set format y '%.1f'
set y2range [0 : STATS_max_y * 1.25]
set y2tics STATS_max_y / 2
set format y2 '%g'
set border 11
running = 0
smooth_loss(step, y) = (running = step < 2 ? y : .9 * running + .1 * y)
eval legend_point(0, L_every_batch, 7, '#1b5e9e')
eval legend_line(1, L_mean_of_batches, 1, '#000000')
eval legend_line(2, L_rate, 2, '#b3202a')
plot table using 'step':'rate' axes x1y2 with lines dt 2 lw 1.2 lc rgb '#b3202a' notitle, \
     table using 'step':'loss' with points pt 7 ps .35 lc rgb '#1b5e9e' notitle, \
     table using (column('step')):(smooth_loss(column('step'), column('loss'))) with lines lw 1.4 lc rgb '#000000' notitle
