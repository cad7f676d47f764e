# q2_history_recall: associative recall: validation accuracy against the step, every seed a line; and
# test accuracy against the number of pairs, with intervals over seeds.
# needs: q2_history recall recall_curve facts

table = dir_q2_history.'/recall.tsv'
curve = dir_q2_history.'/recall_curve.tsv'
MODELS = 'transformer kernel lstm'
array QINK[3] = ['#1b5e9e', '#3c8d4f', '#d98200']
array QMARK[3] = [7, 15, 5]
stats dir_q2_history.'/facts.tsv' using (is('name', 'q2.recall.headline') * column('value')) nooutput
headline = sprintf('%.0f', STATS_max)
stats table using (column('pairs')) nooutput
least = STATS_min
most = STATS_max
WORDLIST = ''
stats curve using (is('pairs', headline) == 1 ? collect(stringcolumn('model').'/'.stringcolumn('seed')) : NaN) nooutput
RUNS = WORDLIST
name_of(run) = run[1 : strstrt(run, '/') - 1]
seed_of(run) = run[strstrt(run, '/') + 1 : *]
number(run) = name_of(run) eq word(MODELS, 1) ? 1 : name_of(run) eq word(MODELS, 2) ? 2 : 3

eval open_page(7.6, 2)
set multiplot
set yrange [0 : 1.04]
set ytics .2
set format y '%.1f'
do for [k = 1:3] { eval legend_point(k - 1, value('L_history_'.word(MODELS, k)), QMARK[k], QINK[k]) }
eval legend_point(3, L_history_lstm_long, 4, '#000000')
eval legend_line(4, L_history_chance, 2, '#5f6770')
eval left_panel
set title L_history_pairs_of.' '.headline font WORDS offset 0,TITLE_DROP
set xlabel L_step font WORDS
set ylabel L_history_accuracy font WORDS offset .4,0
set xrange [0 : *]
here(run) = is('model', name_of(run)) * is('seed', seed_of(run)) * is('pairs', headline) * is('split', 'validation')
plot for [run in RUNS] curve using (here(run) * column('step')):'accuracy' \
         with linespoints pt QMARK[number(run)] ps .35 lw .8 lc rgb QINK[number(run)] notitle

eval right_panel
set format y ''
set title L_history_against_pairs font WORDS offset 0,TITLE_DROP
set xlabel L_history_pairs font WORDS
set logscale x 2
set xrange [least / 1.3 : most * 1.3]
set xtics least, 2, most * 2
row(name) = is('model', name)
plot table using (row('transformer') * column('pairs')):'chance' with lines dt 2 lw 1.2 lc rgb '#5f6770' notitle, \
     for [k = 1:3] table using (row(word(MODELS, k)) * column('pairs')):'accuracy' \
         with lines lw .9 lc rgb QINK[k] notitle, \
     for [k = 1:3] table using (row(word(MODELS, k)) * column('pairs')):'accuracy':'low':'high' \
         with yerrorbars pt QMARK[k] ps .65 lw 1 lc rgb QINK[k] notitle, \
     table using (row('lstm_long') * column('pairs')):'accuracy':'low':'high' \
         with yerrorbars pt 4 ps .8 lw 1 lc rgb '#000000' notitle
unset multiplot
