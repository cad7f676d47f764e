# q4_crossover: the length above which kernel attention is faster, against the number of features.
# needs: q4_complexity crossover

table = dir_q4_complexity.'/crossover.tsv'
exact = 'tiled materialised'
array CINK[5] = ['#b3202a', '#1b5e9e', '#000000', '#d98200', '#3c8d4f']
array CMARK[5] = [13, 7, 5, 9, 15]

# The widths of the table, ascending as it has them.
stats table using (collect(stringcolumn('width'))) nooutput
WIDTHS = WORDLIST
widths = words(WIDTHS)
stats table using (column('features')):(column('rule')) nooutput
lowest = STATS_min_x

eval open_page(8.2, 2)
entry = 0
set multiplot
set logscale xy
set xlabel L_features font WORDS
set xrange [STATS_min_x / 1.25 : STATS_max_x * 1.25]
set yrange [lowest / 2 : STATS_max_y * 2]
set xtics STATS_min_x, 2, STATS_max_x * 2
set ytics 4
set format y '%.0f'

do for [e = 1:2] {
    against = word(exact, e)
    row(w) = is('width', w) * is('against', against)
    set title (e == 1 ? L_against_tiled : L_against_materialised) font WORDS offset 0,TITLE_DROP
    if (e == 1) {
        eval left_panel
        set ylabel L_crossover font WORDS offset .2,0
        do for [k = 1:widths] { eval legend_point(entry, 'd = '.word(WIDTHS, k), CMARK[k], CINK[k]); entry = entry + 1 }
        eval legend_line(entry, L_rule, 2, '#000000')
        eval legend_line(entry + 1, L_two_r, 3, '#5f6770')
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k = 1:widths] table using (row(word(WIDTHS, k)) * column('features')):(column('rule')) \
             with lines dt 2 lw 1 lc rgb CINK[k] notitle, \
         2 * x with lines dt 3 lw 1.4 lc rgb '#5f6770' notitle, \
         for [k = 1:widths] table using (row(word(WIDTHS, k)) * is('status', 'crossed') * column('features')):'low':'high' \
             with filledcurves fs transparent solid .2 noborder fc rgb CINK[k] notitle, \
         for [k = 1:widths] table using (row(word(WIDTHS, k)) * is('status', 'crossed') * column('features')):'length' \
             with linespoints pt CMARK[k] ps .6 lw .9 lc rgb CINK[k] notitle
}
unset multiplot
