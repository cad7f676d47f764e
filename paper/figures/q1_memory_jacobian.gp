# q1_memory_jacobian: the norm of the Jacobian of the last state by a word, against how far back the
# word stands, before training and after it, with the exponentials that were fitted.
# needs: q1_memory jacobian rates

rates = dir_q1_memory.'/rates.tsv'
table = dir_q1_memory.'/jacobian.tsv'
SHOWN = '1 2 3 4 5 6 9'
COUNT = words(SHOWN)
shown(i) = int(word(SHOWN, i))
FLOOR = 1e-20

# The second lag that readers were trained on.
stats table using (is('phase', 'after') * column('lag')) nooutput
FIRST = STATS_min
stats table using (is('phase', 'after') * (column('lag') > FIRST ? column('lag') : NaN)) nooutput
LAG = STATS_min
stats table using 'back' nooutput
FARTHEST = STATS_max

here(k, phase) = is('reader', reader(k)) * is('phase', phase) * (phase eq 'before' || column('lag') == LAG ? 1 : NaN)

# The fitted lines, found before there are ranges, which `stats` would keep to; a reader whose norms
# were too small has none.
array A[2 * COUNT]; array R[2 * COUNT]; array X[2 * COUNT]
do for [d = 1:2] {
    do for [i = 1:COUNT] {
        at = (d - 1) * COUNT + i
        undefine R_* A_*
        stats rates using (here(shown(i), word('before after', d)) * column('rate')) name 'R' nooutput
        R[at] = exists('R_min') ? R_min : NaN
        stats rates using (here(shown(i), word('before after', d)) * log(column('start'))) name 'A' nooutput
        A[at] = exists('A_min') ? A_min : NaN
        undefine F_*
        stats rates using (here(shown(i), word('before after', d)) * column('farthest')) name 'F' nooutput
        X[at] = exists('F_min') ? F_min : 0
    }
}
line(at, x) = x <= X[at] ? exp(A[at] - R[at] * x) : NaN

eval open_page(8.8, 2)
set multiplot
set logscale y
set format y '10^{%L}'
set xrange [0 : FARTHEST * 1.02]
set yrange [FLOOR : 20]
set ytics 1e-20, 1e4, 1
set xlabel L_q1_memory_back font WORDS
within(x) = x >= FLOOR ? x : NaN

do for [d = 1:2] {
    phase = word('before after', d)
    set title (d == 1 ? L_q1_memory_before : sprintf(L_q1_memory_after, LAG)) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_q1_memory_norm font LATIN offset .6,0
        do for [i = 1:COUNT] { eval legend_point(i - 1, reader_name(shown(i)), READER_MARK[shown(i)], READER_INK[shown(i)]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [i = 1:COUNT] table using (here(shown(i), phase) * column('back')):(column('low') > FLOOR ? column('low') : FLOOR):(column('high') > FLOOR ? column('high') : FLOOR) \
             with filledcurves fs transparent solid .2 noborder fc rgb READER_INK[shown(i)] notitle, \
         for [i = 1:COUNT] [x = 0:FARTHEST] '+' using 1:(line((d - 1) * COUNT + i, $1)) with lines dt 2 lw .8 lc rgb READER_INK[shown(i)] notitle, \
         for [i = 1:COUNT] table using (here(shown(i), phase) * column('back')):(within(column('norm'))) \
             with points pt READER_MARK[shown(i)] ps .6 lw 1 lc rgb READER_INK[shown(i)] notitle
}
unset multiplot
