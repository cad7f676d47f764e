# q3_models: symbols a second in training, of an LSTM encoder-decoder and a Transformer of as many
# parameters, against the batch and against the length.
# needs: q3_parallelism models

table = dir_q3_parallelism.'/models.tsv'
MODELS = 'seq2seq transformer'
array QINK[2] = ['#d98200', '#1b5e9e']
array QMARK[2] = [5, 7]

eval open_page(7.6, 1)
set multiplot
set logscale x
set format y '%.0f'
row(k, over) = is('model', word(MODELS, k)) * is('over', over)
stats table using (column('batch')):(column('high')) nooutput
set yrange [0 : STATS_max_y * 1.1]

do for [d = 1:2] {
    over = d == 1 ? 'batch' : 'length'
    stats table using (is('over', over) * column(over)) nooutput
    set xrange [STATS_min / 1.25 : STATS_max * 1.25]
    set xtics STATS_min, (STATS_max / STATS_min > 40 ? 4 : 2), STATS_max * 2
    set xlabel (d == 1 ? L_q3_batch : L_length) font WORDS
    set title (d == 1 ? L_q3_over_batch : L_q3_over_length) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_q3_symbols font WORDS offset .2,0
        do for [k = 1:2] { eval legend_point(2 * k - 2, value('L_q3_model_'.word(MODELS, k)), QMARK[k], QINK[k]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:2] table using (row(k, over) * column(over)):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb QINK[k] notitle, \
         for [k = 1:2] table using (row(k, over) * column(over)):'symbols' \
             with linespoints pt QMARK[k] ps .6 lw .9 lc rgb QINK[k] notitle
}
unset multiplot
