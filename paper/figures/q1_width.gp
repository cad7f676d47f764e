# q1_width: copying through a context of a few numbers. Left: accuracy against their number, with what
# Fano's inequality allows if a number holds as many bits as any network was seen to use; right:
# the bits that are held against those that are needed, over the length.
# needs: q1_bottleneck width facts

table = dir_q1_bottleneck.'/width.tsv'
array QINK[6] = ['#8a8f96', '#3c8d4f', '#d98200', '#1b5e9e', '#b3202a', '#7b4ea3']
array QMARK[6] = [11, 15, 5, 7, 13, 9]
LENGTHS = '8 16 32'
array LINK[3] = ['#1b5e9e', '#d98200', '#b3202a']
array LMARK[3] = [7, 5, 13]
stats table using (collect(stringcolumn('context'))) nooutput
stats table using (column('context')):(column('length')) nooutput
least = STATS_min_x
most = STATS_max_x
last = STATS_max_y
# ascending
CONTEXTS = ''
do for [c = 1:4096] { if (strstrt(WORDLIST.' ', ' '.c.' ')) { CONTEXTS = CONTEXTS.' '.c } }
n = words(CONTEXTS)
at(c) = is('context', c)
of(l) = is('length', l)

eval open_page(8.2, 2)
set multiplot
set title L_q1_width_accuracy font WORDS offset 0,TITLE_DROP
eval left_panel
set rmargin at screen .48
set logscale x 2
set xrange [least / 1.3 : most * 1.3]
set xtics least, 2, most * 2
set yrange [0 : 1.04]
set format y '%.1f'
set xlabel L_q1_context font WORDS
set ylabel L_q1_accuracy font WORDS offset .6,0
do for [k = 1:3] { eval legend_point(k - 1, 'N = '.word(LENGTHS, k), LMARK[k], LINK[k]) }
eval legend_line(3, L_q1_allowed, 2, '#5f6770')
do for [k = 1:n] { eval legend_point(3 + k, value('L_q1_numbers').' = '.word(CONTEXTS, k), QMARK[(k - 1) % 6 + 1], QINK[(k - 1) % 6 + 1]) }
plot for [k = 1:3] table using (of(word(LENGTHS, k)) * column('context')):'allowed' smooth unique with lines dt 2 lw 1.2 lc rgb LINK[k] notitle, \
     for [k = 1:3] table using (of(word(LENGTHS, k)) * column('context')):'accuracy':'low':'high' \
         with yerrorbars pt LMARK[k] ps .7 lw .9 lc rgb LINK[k] notitle, \
     for [k = 1:3] table using (of(word(LENGTHS, k)) * column('context')):'accuracy' smooth unique with lines lw .9 lc rgb LINK[k] notitle
unset logscale x
eval right_panel
set lmargin at screen .575
set title L_q1_width_bits font WORDS offset 0,TITLE_DROP
set xrange [*:*]
set yrange [*:*]
stats table using (column('bits_high')) nooutput
set xrange [0 : last * 1.03]
set xtics 8
set yrange [0 : STATS_max * 1.25]
set ytics autofreq
set format y '%.0f'
set xlabel L_q1_length font WORDS
set ylabel L_q1_bits font WORDS offset .6,0
plot table using 'length':'needed' smooth unique with lines lw 1.4 lc rgb '#000000' notitle, \
     for [k = 1:n] table using (at(word(CONTEXTS, k)) * column('length')):'bits_low':'bits_high' \
         with filledcurves fs transparent solid .25 noborder fc rgb QINK[(k - 1) % 6 + 1] notitle, \
     for [k = 1:n] table using (at(word(CONTEXTS, k)) * column('length')):'bits' \
         with linespoints pt QMARK[(k - 1) % 6 + 1] ps .6 lw .9 lc rgb QINK[(k - 1) % 6 + 1] notitle
unset multiplot
