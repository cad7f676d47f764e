# q4_local: slopes between neighbouring lengths; a fitted exponent is as good as these are flat.
# needs: q4_complexity local

table = dir_q4_complexity.'/local.tsv'
directions = 'forward backward'
# Twelve bands would hide each other: the methods that the text compares.
shown = 'materialised tiled wrong_order favor_positive elu'
shows(v) = strstrt(' '.shown.' ', ' '.v.' ') > 0

eval open_page(8.8, 2)
entry = 0
set multiplot
set logscale x
set xlabel L_length font WORDS

middle(a, b) = sqrt(column(a) * column(b))
stats table using (is('quantity', 'time') * column('from_length')):(column('to_length')) nooutput
shortest = STATS_min_x; longest = STATS_max_y
set xrange [shortest / 1.1 : longest * 1.1]
step = longest / shortest > 40 ? 4 : 2
set xtics shortest, step, longest * 2
set ytics .5

do for [d = 1:2] {
    direction = word(directions, d)
    row(v) = is('variant', v) * is('direction', direction) * is('quantity', 'time')
    WORDLIST = ''
    set autoscale y
    stats table using (collect_row(is('quantity', 'time') == 1 && shows(stringcolumn('variant')))) nooutput
    dummy = choose(direction)
    set yrange [-.25 : 2.75]
    set title (d == 1 ? L_forward : L_backward) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_slope font WORDS offset .8,0
        do for [s in SERIES] { eval legend_point(entry, name(int(s)), MARK[int(s)], ink(int(s))); entry = entry + 1 }
    } else {
        eval right_panel
        set format y ''
    }
    plot 2 with lines dt 2 lw 1.2 lc rgb '#5f6770' notitle, \
         1 with lines dt 2 lw 1.2 lc rgb '#5f6770' notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * middle('from_length', 'to_length')):'low':'high' \
             with filledcurves fs transparent solid .15 noborder fc rgb ink(int(s)) notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * middle('from_length', 'to_length')):'slope' \
             with linespoints pt MARK[int(s)] ps .5 lw .8 lc rgb ink(int(s)) notitle
}
unset multiplot
