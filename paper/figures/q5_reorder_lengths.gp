# q5_reorder_lengths: exact matches and Kendall's tau by the length of the sentence.
# needs: q5_reorder lengths

table = dir_q5_reorder.'/lengths.tsv'
systems = 'chance kn3 pointer'
array CINK[3] = ['#8a8f96', '#d98200', '#1b5e9e']
array CMARK[3] = [8, 9, 7]

eval open_page(7.0, 1)
set multiplot
set xlabel L_q5_reorder_words font WORDS
set xrange [3.5 : 15.5]
set xtics 4, 2, 14
do for [k = 1:3] { eval legend_point(k - 1, value('L_q5_system_'.word(systems, k)), CMARK[k], CINK[k]) }
middle(low, high) = (low + high) / 2
do for [panel = 1:2] {
    quantity = panel == 1 ? 'exact' : 'tau'
    set title (panel == 1 ? L_q5_reorder_exact : L_q5_reorder_tau) font WORDS offset 0,TITLE_DROP
    if (panel == 1) { set format y '%.1f'; eval left_panel; set yrange [0 : 1] } else { set lmargin at screen .60; set rmargin at screen .993; set yrange [-.2 : 1] }
    plot for [k = 1:3] table using (is('system', word(systems, k)) * middle(column('low'), column('high'))):(column(quantity.'_low')):(column(quantity.'_high')) \
             with filledcurves fs transparent solid .18 noborder lc rgb CINK[k] notitle, \
         for [k = 1:3] table using (is('system', word(systems, k)) * middle(column('low'), column('high'))):quantity \
             with linespoints pt CMARK[k] ps .6 lw 1 lc rgb CINK[k] notitle
}
unset multiplot
