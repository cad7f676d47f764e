# q1_memory_learning: validation accuracy while it is learned, at the second lag and at the longest.
# needs: q1_memory learning

table = dir_q1_memory.'/learning.tsv'
stats table using 'lag' nooutput
FIRST = STATS_min; LONGEST = STATS_max
stats table using (column('lag') > FIRST ? column('lag') : NaN) nooutput
SECOND = STATS_min

eval open_page(8.0, 3)
set multiplot
stats table using 'step' nooutput
set xrange [0 : STATS_max * 1.02]
set yrange [0 : 1.04]
set format y '%.1f'
set xlabel L_q1_memory_steps font WORDS
do for [d = 1:2] {
    lag = d == 1 ? SECOND : LONGEST
    set title sprintf(L_q1_memory_learning, lag) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_q1_memory_validation font WORDS offset -.3,0
        do for [k = 1:9] { eval legend_point(k - 1, reader_name(k), READER_MARK[k], READER_INK[k]) }
        eval legend_line(9, L_q1_memory_chance, 3, '#5f6770')
    } else {
        eval right_panel
        set format y ''
    }
    here(k) = is('reader', reader(k)) * (column('lag') == lag ? 1 : NaN)
    plot run_chance with lines dt 3 lw 1.4 lc rgb '#5f6770' notitle, \
         for [k = 1:9] table using (here(k) * column('step')):'low':'high' \
             with filledcurves fs transparent solid .15 noborder fc rgb READER_INK[k] notitle, \
         for [k = 1:9] table using (here(k) * column('step')):'accuracy' \
             with linespoints pt READER_MARK[k] ps .55 lw .9 lc rgb READER_INK[k] notitle
}
unset multiplot
