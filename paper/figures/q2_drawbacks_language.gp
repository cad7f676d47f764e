# q2_drawbacks_language: the next character: bits against the number of training sentences, and
# against the place in a window that is longer than those of training.
# needs: q2_drawbacks language place facts

table = dir_q2_drawbacks.'/language.tsv'
places = dir_q2_drawbacks.'/place.tsv'
NETS = 'lstm sinusoidal learned none'
array QINK[4] = ['#d98200', '#1b5e9e', '#b3202a', '#8a8f96']
array QMARK[4] = [5, 7, 13, 9]
stats dir_q2_drawbacks.'/facts.tsv' using (is('name', 'q2.language.window') * column('value')) nooutput
window = STATS_max
stats places using (column('last')):(column('high')) nooutput
far = STATS_max_x
top = STATS_max_y
# Those that were trained: few in some runs.
stats places using (collect(stringcolumn('net'))) nooutput
KS = ''
do for [k = 1:4] { if (listed(word(NETS, k))) { KS = KS.' '.k } }
stats table using (column('sentences')):(column('low')) nooutput
least = STATS_min_x
most = STATS_max_x
bottom = STATS_min_y

eval open_page(7.6, 2)
set multiplot
set yrange [bottom - .1 : top + .1]
set format y '%.1f'
do for [k = 1:4] { eval legend_point(k - 1, value('L_q2d_net_'.word(NETS, k)), QMARK[k], QINK[k]) }
eval legend_line(4, L_q2d_trained_window, 2, '#000000')
row(k) = is('net', word(NETS, k))

set lmargin at screen .105; set rmargin at screen .53
set logscale x
set xlabel L_q2d_sentences font WORDS
set ylabel L_q2d_bits_character font WORDS offset .2,0
set title L_q2d_by_sentences font WORDS offset 0,TITLE_DROP
set xrange [least / 1.4 : most * 1.4]
set xtics least, 4, most * 2
plot for [k in KS] table using (row(int(k)) * column('sentences')):'low':'high' \
         with filledcurves fs transparent solid .25 noborder fc rgb QINK[int(k)] notitle, \
     for [k in KS] table using (row(int(k)) * column('sentences')):'bits':'low':'high' \
         with yerrorbars pt QMARK[int(k)] ps .6 lw .9 lc rgb QINK[int(k)] notitle, \
     for [k = 1:2] table using (row(k) * column('sentences')):'bits' with lines lw 1 lc rgb QINK[k] notitle

eval right_panel
unset logscale x
set format y ''
set xlabel L_q2d_place font WORDS
set title L_q2d_by_place font WORDS offset 0,TITLE_DROP
set xrange [0 : far * 1.02]
set xtics 0, window, far
set arrow 1 from window, graph 0 to window, graph 1 nohead dt 2 lw 1.2 lc rgb '#000000'
middle(k) = row(k) * (column('first') + column('last')) / 2
plot for [k in KS] places using (middle(int(k))):'low':'high' \
         with filledcurves fs transparent solid .25 noborder fc rgb QINK[int(k)] notitle, \
     for [k in KS] places using (middle(int(k))):'bits' \
         with linespoints pt QMARK[int(k)] ps .45 lw .9 lc rgb QINK[int(k)] notitle
unset multiplot
