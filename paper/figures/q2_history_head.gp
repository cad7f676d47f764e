# q2_history_head: the head built from sinusoids: the least weight on the previous token against
# sharpness, with the bound, and the head itself, blurred and sharp.
# needs: q2_history head head_map

table = dir_q2_history.'/head.tsv'
map = dir_q2_history.'/head_map.tsv'
array QINK[6] = ['#000000', '#b3202a', '#1b5e9e', '#d98200', '#3c8d4f', '#7b4ea3']
array QMARK[6] = [5, 13, 7, 9, 15, 11]
stats table using (is('offset', '1') == 1 ? collect(stringcolumn('length')) : NaN) nooutput
LENGTHS = WORDLIST
WORDLIST = ''
stats map using (collect(stringcolumn('beta'))) nooutput
BETAS = WORDLIST

eval open_page(6.8, 2)
set multiplot
row(n) = is('offset', '1') * is('length', n)
set logscale x 2
stats table using (is('offset', '1') * column('beta')) nooutput
set xrange [STATS_min / 1.3 : STATS_max * 1.3]
set yrange [0 : 1.03]
set xtics 4
set format y '%.1f'
set xlabel L_history_beta font WORDS
set ylabel L_history_least font WORDS offset .6,0
set lmargin at screen .085
set rmargin at screen .40
do for [k = 1:words(LENGTHS)] { eval legend_point(k - 1, 'N = '.word(LENGTHS, k), QMARK[k], QINK[k]) }
eval legend_line(words(LENGTHS), L_history_bound, 2, '#5f6770')
plot for [k = 1:words(LENGTHS)] table using (row(word(LENGTHS, k)) * column('beta')):'bound' \
         with lines dt 2 lw .9 lc rgb QINK[k] notitle, \
     for [k = 1:words(LENGTHS)] table using (row(word(LENGTHS, k)) * column('beta')):'least' \
         with linespoints pt QMARK[k] ps .55 lw .9 lc rgb QINK[k] notitle

unset logscale
unset grid
set border 15
set cbrange [0 : 1]
unset colorbox
set palette defined (0 '#ffffff', .5 '#8fb3d9', 1 '#1b365d')
set xrange [.5 : 24.5]
set yrange [24.5 : .5]
set xtics 1, 23
set ytics 1, 23
set format x '%.0f'
set format y '%.0f'
set xlabel L_history_key font WORDS offset 0,.6
do for [d = 1:2] {
    set lmargin at screen (d == 1 ? .475 : .755)
    set rmargin at screen (d == 1 ? .715 : .995)
    set title '{/Symbol b} = '.word(BETAS, d) font LATIN offset 0,TITLE_DROP
    if (d == 1) { set ylabel L_history_query font WORDS offset .6,0 } else { unset ylabel; set format y '' }
    plot map using (is('beta', word(BETAS, d)) * column('key')):'query':'weight' with image notitle
}
unset multiplot
