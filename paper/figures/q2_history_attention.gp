# q2_history_attention: the weights of a trained Transformer on one sequence of the test: the head of
# the first layer and that of the second. Above the lines: pairs; below: queries.
# needs: q2_history recall_map recall_tokens

map = dir_q2_history.'/recall_map.tsv'
stats map using (column('query')) nooutput
length = STATS_max
pairs = length / 3

eval open_page(8.6, 0)
set multiplot
set border 15
unset grid
set cbrange [0 : 1]
unset colorbox
set palette defined (0 '#ffffff', .5 '#8fb3d9', 1 '#1b365d')
set xrange [.5 : length + .5]
set yrange [length + .5 : .5]
set xtics (1, pairs, 2 * pairs, length)
set ytics (1, pairs, 2 * pairs, length)
set format y '%.0f'
set xlabel L_history_key font WORDS
set arrow 1 from .5, 2 * pairs + .5 to length + .5, 2 * pairs + .5 nohead dt 2 lw .8 lc rgb '#b3202a' front
set arrow 2 from 2 * pairs + .5, .5 to 2 * pairs + .5, length + .5 nohead dt 2 lw .8 lc rgb '#b3202a' front
do for [d = 1:2] {
    if (d == 1) { eval left_panel; set ylabel L_history_query font WORDS offset 0,0 } else { eval right_panel; set format y '' }
    set title (d == 1 ? L_history_layer_1 : L_history_layer_2) font WORDS offset 0,TITLE_DROP
    shown(l) = is('layer', l) * (column('weight') > .01 ? column('key') : NaN)
    plot map using (shown(sprintf('%d', d))):'query':(column('key') - .5):(column('key') + .5):(column('query') - .5):(column('query') + .5):'weight' \
             with boxxyerror fs solid 1 noborder fc palette notitle
}
unset multiplot
