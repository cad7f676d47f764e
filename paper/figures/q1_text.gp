# q1_text: Persian phrases that get their spaces back, against their length, with and without
# attention, trained on short phrases and on longer ones.
# needs: q1_bottleneck accuracy

table = dir_q1_bottleneck.'/accuracy.tsv'
array QINK[4] = ['#d98200', '#b3202a', '#1b5e9e', '#3c8d4f']
array QMARK[4] = [4, 5, 6, 7]
text(name) = is('part', 'text') * column(name)
has = 0
found(x) = x == 1 ? (has = has + 1, 1) : NaN
stats table using (found(is('part', 'text'))) nooutput
eval open_page(8.2, 2)
if (has == 0) {
    set label 1 L_q1_no_text at screen .5,.5 center font WORDS
    unset border; unset tics
    set xrange [0:1]; set yrange [0:1]
    plot NaN notitle
} else {
    stats table using (text('trained')):(text('length')) nooutput
    short = STATS_min_x
    long = STATS_max_x
    last = STATS_max_y
    score(k) = k % 2 ? 'none' : 'additive'
    limit(k) = k < 3 ? short : long
    row(k) = is('part', 'text') * is('score', score(k)) * (column('trained') == limit(k) ? 1 : NaN)
    series = short == long ? 2 : 4
    set lmargin at screen .105
    set rmargin at screen .99
    set xrange [0 : last * 1.03]
    set xtics 8
    set yrange [0 : 1.04]
    set format y '%.1f'
    set xlabel L_q1_letters font WORDS
    set ylabel L_q1_similarity font WORDS offset .6,0
    set arrow 1 from short, graph 0 to short, graph 1 nohead dt 3 lw 1 lc rgb '#5f6770'
    set arrow 2 from long, graph 0 to long, graph 1 nohead dt 3 lw 1 lc rgb '#5f6770'
    do for [k = 1:series] { eval legend_point(k - 1, value('L_q1_text_'.score(k)).' '.sprintf('%.0f', limit(k)), QMARK[k], QINK[k]) }
    eval legend_line(4, L_q1_untouched, 2, '#5f6770')
    plot table using (row(1) * column('length')):'untouched' with lines dt 2 lw 1.2 lc rgb '#5f6770' notitle, \
         for [k = 1:series] table using (row(k) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb QINK[k] notitle, \
         for [k = 1:series] table using (row(k) * column('length')):'accuracy' \
             with linespoints pt QMARK[k] ps .6 lw .9 lc rgb QINK[k] notitle
}
