# q5_data_lengths: how long the sentences are, and how much of each set the most frequent words of
# training make up.
# needs: q5_data lengths coverage

lengths = dir_q5_data.'/lengths.tsv'
coverage = dir_q5_data.'/coverage.tsv'
SETS = 'train test perdt_test'
array QINK[3] = ['#9aa0a6', '#1b5e9e', '#d98200']
array QMARK[3] = [5, 7, 9]

eval open_page(6.6, 1)
set multiplot
do for [k = 1:3] { eval legend_point(k - 1, value('L_q5_data_set_'.word(SETS, k)), QMARK[k], QINK[k]) }

eval left_panel
set title L_q5_data_lengths font WORDS offset 0,TITLE_DROP
set xlabel L_q5_data_words font WORDS
set lmargin at screen .1; set rmargin at screen .53
set ylabel L_q5_data_share font WORDS offset -1.2,0
set xrange [3 : 41]
set xtics 5
set format y '%.0f%%'
set yrange [0 : *]
plot for [k = 1:3] lengths using (is('set', word(SETS, k)) * column('length')):(100 * column('share')) \
         with linespoints pt QMARK[k] ps .45 lw 1.1 lc rgb QINK[k] notitle

eval right_panel
set lmargin at screen .61; set rmargin at screen .975
set title L_q5_data_coverage font WORDS offset 0,TITLE_DROP
set xlabel L_q5_data_vocabulary font WORDS
set logscale x
set xrange [80 : 125000]
set xtics auto
set format x '%.0f'
set xtics (100, 1000, 10000, 100000)
set yrange [30 : 100]
plot for [k = 1:3] coverage using (is('set', word(SETS, k)) * column('vocabulary')):(100 * column('covered')) \
         with linespoints pt QMARK[k] ps .5 lw 1.1 lc rgb QINK[k] notitle
unset multiplot
