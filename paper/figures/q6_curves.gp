# q6_curves: loss and accuracy after every epoch, training and validation, every seed.
# needs: q6_mpnet curve

table = dir_q6_mpnet.'/curve.tsv'
splits = 'training validation'
array CINK[2] = ['#1b5e9e', '#b3202a']
array CMARK[2] = [5, 13]
array CDASH[2] = [1, 2]

eval open_page(7.4, 1)
set multiplot
set xlabel L_epoch font WORDS
stats table using (collect(stringcolumn('seed'))) nooutput
SEEDS = WORDLIST
stats table using (column('epoch')) nooutput
set xrange [STATS_min - .15 * STATS_max : STATS_max * 1.05]
set xtics 1
do for [k = 1:2] { eval legend_point(k - 1, value('L_'.word(splits, k)), CMARK[k], CINK[k]) }
do for [panel = 1:2] {
    quantity = panel == 1 ? 'loss' : 'accuracy'
    set title (panel == 1 ? L_loss : L_accuracy) font WORDS offset 0,TITLE_DROP
    set format y '%.2f'
    if (panel == 1) { eval left_panel; set yrange [0 : *] } else { set lmargin at screen .60; set rmargin at screen .993; set yrange [* : 1] }
    plot for [k = 1:2] for [s in SEEDS] table using (is('split', word(splits, k)) * is('seed', s) * column('epoch')):quantity \
         with linespoints pt CMARK[k] ps .6 lw 1 dt CDASH[k] lc rgb CINK[k] notitle
}
unset multiplot
