# q4_peak: the share of the machine's matrix-product peak that each variant reaches.
# needs: q4_complexity summary

table = dir_q4_complexity.'/summary.tsv'
directions = 'forward backward'

eval open_page(9.0, 3)
entry = 0
set multiplot
set logscale x
set xlabel L_length font WORDS
stats table using (column('length')):(column('peak_share')) nooutput
shortest = STATS_min_x; longest = STATS_max_x
# A disturbed run may measure its peak too low: what lies above it is shown all the same.
highest = STATS_max_y > 1.05 ? STATS_max_y * 1.06 : 1.12
set xrange [shortest / 1.15 : longest * 1.15]
step = longest / shortest > 40 ? 4 : 2
set xtics shortest, step, longest * 2
set ytics ('0' 0, '20 %%' .2, '40 %%' .4, '60 %%' .6, '80 %%' .8, '100 %%' 1)

do for [d = 1:2] {
    direction = word(directions, d)
    row(v) = is('variant', v) * is('direction', direction)
    WORDLIST = ''
    set autoscale y
    stats table using (collect_row(column('flops') > 0)) nooutput   # "value" multiplies nothing
    dummy = choose(direction)
    set yrange [0 : highest]
    set title (d == 1 ? L_forward : L_backward) font WORDS offset 0,TITLE_DROP
    set label 1 L_peak at graph .02, first 1 offset 0,.6 font SMALL tc rgb '#222222'
    if (d == 1) {
        eval left_panel
        set ylabel L_peak_share font WORDS offset .2,0
        do for [s in SERIES] { eval legend_point(entry, name(int(s)), MARK[int(s)], ink(int(s))); entry = entry + 1 }
    } else {
        eval right_panel
        set ytics ('' 0, '' .2, '' .4, '' .6, '' .8, '' 1)
    }
    plot 1 with lines lw 1.6 lc rgb '#000000' notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * column('length')):(column('peak_share')) \
             with linespoints pt MARK[int(s)] ps .55 lw .9 lc rgb ink(int(s)) notitle
}
unset multiplot
