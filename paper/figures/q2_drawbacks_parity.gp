# q2_drawbacks_parity: running parity, trained on up to so many bits and asked beyond: accuracy of the
# last step, and of all steps, against the number of bits.
# needs: q2_drawbacks parity facts

table = dir_q2_drawbacks.'/parity.tsv'
NETS = 'lstm sinusoidal learned none'
array QINK[4] = ['#d98200', '#1b5e9e', '#b3202a', '#8a8f96']
array QMARK[4] = [5, 7, 13, 9]
array QEVERY[4] = [20, 20, 5, 20]
stats dir_q2_drawbacks.'/facts.tsv' using (is('name', 'q2.parity.length') * column('value')) nooutput
trained = STATS_max
stats table using (column('length')) nooutput
longest = STATS_max

eval open_page(7.4, 2)
set multiplot
set xrange [0 : longest * 1.03]
set yrange [.4 : 1.03]
set format y '%.1f'
set xlabel L_q2d_bits font WORDS
row(k) = is('net', word(NETS, k)) * column('length')
# A point for every few lengths; the lines have all of them.
point(k) = (int(column('length')) % QEVERY[k] == 0 ? 1 : NaN) * row(k)
do for [k = 1:4] { eval legend_point(k - 1, value('L_q2d_net_'.word(NETS, k)), QMARK[k], QINK[k]) }
eval legend_line(4, L_q2d_trained, 2, '#000000')
do for [panel = 1:2] {
    part = panel == 1 ? 'last' : 'all'
    set title (panel == 1 ? L_q2d_last : L_q2d_all) font WORDS offset 0,TITLE_DROP
    if (panel == 1) {
        eval left_panel
    } else {
        eval right_panel
        set format y ''
    }
    set arrow 1 from trained, graph 0 to trained, graph 1 nohead dt 2 lw 1.2 lc rgb '#000000'
    plot for [k = 1:4] table using (row(k)):part.'_low':part.'_high' \
             with filledcurves fs transparent solid .18 noborder fc rgb QINK[k] notitle, \
         for [k = 1:4] table using (row(k)):part with lines lw 1.1 lc rgb QINK[k] notitle, \
         for [k = 1:4] table using (point(k)):part with points pt QMARK[k] ps .55 lc rgb QINK[k] notitle
}
unset multiplot
