# q1_copy: share of symbols right, of greedy decoding, against the length: without attention and
# with it; the lengths of training are shaded.
# needs: q1_bottleneck accuracy facts

PART = 'copy'
table = dir_q1_bottleneck.'/accuracy.tsv'
ENCODERS = 'rnn gru lstm bilstm'
array QINK[4] = ['#8a8f96', '#3c8d4f', '#d98200', '#1b5e9e']
array QMARK[4] = [11, 15, 5, 7]
stats dir_q1_bottleneck.'/facts.tsv' using (is('name', 'q1.bottleneck.trained.longest') * column('value')) nooutput
trained = STATS_max
row(e, s) = is('part', PART) * is('encoder', e) * is('score', s)
stats table using (is('part', PART) * column('length')) nooutput
last = STATS_max

# Those encoders that this task was given to.
stats table using (is('part', PART) == 1 ? collect(stringcolumn('encoder')) : NaN) nooutput
SERIES = ''
do for [k = 1:4] { if (listed(word(ENCODERS, k))) { SERIES = SERIES.' '.k } }
n = words(SERIES)
pick(k) = int(word(SERIES, k))

eval open_page(7.6, 1)
set multiplot
set xlabel L_q1_length font WORDS
set xrange [0 : last * 1.03]
set yrange [0 : 1.04]
set xtics 8
set format y '%.1f'
set object 1 rectangle from 0, graph 0 to trained, graph 1 fc rgb '#eef1f5' fs solid noborder behind
do for [d = 1:2] {
    score = d == 1 ? 'none' : 'additive'
    set title value('L_q1_score_'.score) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_q1_accuracy font WORDS offset .6,0
        do for [k = 1:n] { eval legend_point(k - 1, value('L_q1_encoder_'.word(ENCODERS, pick(k))), QMARK[pick(k)], QINK[pick(k)]) }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:n] table using (row(word(ENCODERS, pick(k)), score) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb QINK[pick(k)] notitle, \
         for [k = 1:n] table using (row(word(ENCODERS, pick(k)), score) * column('length')):'accuracy' \
             with linespoints pt QMARK[pick(k)] ps .6 lw .9 lc rgb QINK[pick(k)] notitle
}
unset multiplot
