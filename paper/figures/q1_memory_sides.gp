# q1_memory_sides: how the state in the middle of a bidirectional LSTM depends on the words on both
# sides, each half for itself, before training and after it.
# needs: q1_memory sides

table = dir_q1_memory.'/sides.tsv'
PARTS = 'forward backward'
array SINK[2] = ['#1b5e9e', '#b3202a']
array SMARK[2] = [6, 13]

stats table using 'offset' nooutput
REACH = STATS_max > -STATS_min ? STATS_max : -STATS_min

stats table using 'low' nooutput
LEAST = STATS_min
stats table using 'high' nooutput
MOST = STATS_max

eval open_page(7.2, 1)
set multiplot
set logscale y
set format y '10^{%L}'
set xrange [-REACH * 1.05 : REACH * 1.05]
set yrange [LEAST / 3 : 10 * MOST]
set xlabel L_q1_memory_offset font WORDS
here(k, phase) = is('part', word(PARTS, k)) * is('phase', phase)
do for [d = 1:2] {
    phase = word('before after', d)
    set title (d == 1 ? L_q1_memory_before : sprintf(L_q1_memory_after_middle, run_sides_lag)) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_q1_memory_norm_middle font LATIN offset .6,0
        do for [k = 1:2] { eval legend_point(2 * k - 2, value('L_q1_memory_half_'.word(PARTS, k)), SMARK[k], SINK[k]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:2] table using (here(k, phase) * column('offset')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb SINK[k] notitle, \
         for [k = 1:2] table using (here(k, phase) * column('offset')):'norm' \
             with linespoints pt SMARK[k] ps .65 lw .9 lc rgb SINK[k] notitle
}
unset multiplot
