# q2_history_curves: loss and accuracy, training and validation, of one training of each family.
# needs: q2_history curve facts

table = dir_q2_history.'/curve.tsv'
MODELS = 'transformer kernel lstm'
array QINK[3] = ['#1b5e9e', '#3c8d4f', '#d98200']
array QMARK[3] = [7, 15, 5]
stats dir_q2_history.'/facts.tsv' using (is('name', 'q2.recall.headline') * column('value')) nooutput
headline = sprintf('%.0f', STATS_max)

eval open_page(7.2, 2)
set multiplot
set xlabel L_step font WORDS
set xrange [0 : *]
model(k) = value('L_history_'.word(MODELS, k))
what(k, split) = persian ? split.'، '.model(k) : model(k).', '.split
here(k, split) = is('training', word(MODELS, k).', '.headline.' pairs') * is('split', split)
do for [k = 1:3] { eval legend_line(k - 1, what(k, L_history_training), 1, QINK[k]) }
do for [k = 1:3] { eval legend_point(k + 3, what(k, L_history_validation), QMARK[k], QINK[k]) }
do for [panel = 1:2] {
    quantity = panel == 1 ? 'loss' : 'accuracy'
    set title (panel == 1 ? L_loss : L_accuracy) font WORDS offset 0,TITLE_DROP
    set format y '%.1f'
    set yrange [0 : *]
    if (panel == 1) { eval left_panel } else { set lmargin at screen .60; set rmargin at screen .993; set yrange [0 : 1.04] }
    plot for [k = 1:3] table using (here(k, 'training') * column('step')):quantity \
             with lines lw .9 lc rgb QINK[k] notitle, \
         for [k = 1:3] table using (here(k, 'validation') * column('step')):quantity \
             with points pt QMARK[k] ps .5 lc rgb QINK[k] notitle
}
unset multiplot
