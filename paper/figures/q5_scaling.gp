# q5_scaling: BLEU of PerDT dev against the number of training sentences, beside a trigram of the
# same sentences, and against the processor time of training, by number of sentences.
# needs: q5_scaling sizes moments

sizes = dir_q5_scaling.'/sizes.tsv'
moments = dir_q5_scaling.'/moments.tsv'
systems = 'pointer pointer_greedy kn3'
array CINK[3] = ['#1b5e9e', '#5ba3d0', '#d98200']
array CMARK[3] = [7, 6, 9]
array TINK[8] = ['#8a8f96', '#7b4ea3', '#3c8d4f', '#b3202a', '#d98200', '#1b5e9e', '#000000', '#5ba3d0']
array TMARK[8] = [8, 11, 5, 13, 9, 7, 4, 6]

array SIZE[8]
count = 0
note(n) = (count == 0 || SIZE[count] != n) ? (count = count + 1, SIZE[count] = n, n) : n
stats moments using (note(column('sentences'))) nooutput
rows = 1 + (count + 3) / 4

eval open_page(7.4 + .46 * (rows - 2), rows)
set multiplot
do for [k = 1:3] { eval legend_point(k - 1, value('L_q5_scaling_'.word(systems, k)), CMARK[k], CINK[k]) }
do for [k = 1:count] { eval legend_point(3 + k, sprintf(L_q5_scaling_size, SIZE[k]), TMARK[k], TINK[k]) }
set logscale x
set yrange [0 : *]
set format y '%.0f'
set ytics 5
eval left_panel
set title L_q5_scaling_by_sentences font WORDS offset 0,TITLE_DROP
set xlabel L_q5_scaling_sentences font WORDS
set ylabel L_q5_scaling_bleu font WORDS offset 0,0
set xrange [SIZE[1] * .8 : SIZE[count] * 1.25]
unset mxtics
set xtics (sprintf('%.0f', SIZE[1]) SIZE[1]) font LATIN
do for [k = 2:count] { set xtics add (sprintf('%.0f', SIZE[k]) SIZE[k]) }
dev(k) = is('set', 'dev') * is('system', word(systems, k)) * column('sentences')
plot for [k = 1:3] sizes using (dev(k)):'bleu_low':'bleu_high' \
         with filledcurves fs transparent solid .18 noborder lc rgb CINK[k] notitle, \
     for [k = 1:3] sizes using (dev(k)):'bleu' with linespoints pt CMARK[k] ps .6 lw 1 lc rgb CINK[k] notitle

eval right_panel
unset label
unset arrow
set title L_q5_scaling_by_time font WORDS offset 0,TITLE_DROP
set xlabel L_q5_scaling_seconds font WORDS
set format y ''
stats moments using (column('seconds')) nooutput
set xrange [STATS_min * .8 : STATS_max * 1.25]
set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) font LATIN
spent(k) = (column('sentences') == SIZE[k] ? column('seconds') : NaN)
plot for [k = 1:count] moments using (spent(k)):'bleu_low':'bleu_high' \
         with filledcurves fs transparent solid .15 noborder lc rgb TINK[k] notitle, \
     for [k = 1:count] moments using (spent(k)):'bleu' with linespoints pt TMARK[k] ps .6 lw 1 lc rgb TINK[k] notitle
unset multiplot
