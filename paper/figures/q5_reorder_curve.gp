# q5_reorder_curve: loss and accuracy a word while the orderer was trained.
# needs: q5_reorder curve

table = dir_q5_reorder.'/curve.tsv'
splits = 'training validation'
array CINK[2] = ['#8a8f96', '#b3202a']

eval open_page(7.0, 1)
set multiplot
set xlabel L_q5_reorder_step font WORDS
stats table using (column('step')) nooutput
set xrange [0 : STATS_max * 1.02]
set xtics auto
eval legend_line(0, L_training, 1, CINK[1])
eval legend_point(1, L_validation, 13, CINK[2])
do for [panel = 1:2] {
    quantity = panel == 1 ? 'loss' : 'accuracy'
    set title (panel == 1 ? L_loss : L_accuracy) font WORDS offset 0,TITLE_DROP
    set format y '%.1f'
    if (panel == 1) { eval left_panel; set yrange [0 : *] } else { set lmargin at screen .60; set rmargin at screen .993; set yrange [0 : 1] }
    plot table using (is('split', 'training') * column('step')):quantity with lines lw 1.2 lc rgb CINK[1] notitle, \
         table using (is('split', 'validation') * column('step')):quantity with points pt 13 ps .55 lw 1 lc rgb CINK[2] notitle
}
unset multiplot
