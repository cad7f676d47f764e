# q2_drawbacks_curves: loss and accuracy, training and validation, of one parity training and one of
# the next character, for both networks.
# needs: q2_drawbacks curve

table = dir_q2_drawbacks.'/curve.tsv'
TRAININGS = 'parity_lstm parity_transformer character_lstm character_transformer'
array QINK[4] = ['#d98200', '#1b5e9e', '#d98200', '#1b5e9e']
array QMARK[4] = [5, 7, 4, 6]
eval open_page(11.6, 2)
set xlabel L_q2d_update font WORDS
row(k, split) = is('training', word(TRAININGS, k)) * is('split', split) * column('step')
do for [k = 1:2] { eval legend_point(k - 1, value('L_q2d_curve_'.word(TRAININGS, k)), QMARK[k], QINK[k]) }
eval legend_line(4, L_training, 1, '#000000')
eval legend_point(5, L_validation, 7, '#5f6770')
upper = 1 - (persian ? .75 : .62) / page_height
lower = (legend_rows * row_height + (persian ? 1.25 : 1.15)) / page_height
middle_gap = (persian ? 2.3 : 2.0) / page_height
half = (upper - lower - middle_gap) / 2
array END[2]
do for [task = 1:2] {
    stats table using (is('training', word(TRAININGS, 2 * task)) * column('step')) nooutput
    END[task] = STATS_max
}
set multiplot
do for [task = 1:2] {
    set tmargin at screen (task == 1 ? upper : lower + half)
    set bmargin at screen (task == 1 ? upper - half : lower)
    set xrange [0 : END[task] * 1.03]
    set xtics END[task] / 4
    do for [panel = 1:2] {
        quantity = panel == 1 ? 'loss' : 'accuracy'
        set title (panel == 1 ? (task == 1 ? L_q2d_parity_loss : L_q2d_character_loss) \
                              : (task == 1 ? L_q2d_parity_accuracy : L_q2d_character_accuracy)) font WORDS offset 0,TITLE_DROP
        set format y '%.1f'
        if (panel == 2) { set yrange [0 : 1.03] } else { set yrange [0 : *] }
        if (panel == 1) { eval left_panel } else { set lmargin at screen .60; set rmargin at screen .993 }
        plot for [k = 2 * task - 1 : 2 * task] table using (row(k, 'training')):quantity with lines lw 1 lc rgb QINK[k] notitle, \
             for [k = 2 * task - 1 : 2 * task] table using (row(k, 'validation')):quantity \
                 with points pt QMARK[(k - 1) % 2 + 1] ps .6 lc rgb QINK[k] notitle
    }
}
unset multiplot
