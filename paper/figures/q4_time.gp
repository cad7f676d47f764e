# q4_time: time against length, forward and backward, every variant; fitted slopes; the time that
# softmax's operations would take at the machine's peak.
# needs: q4_complexity summary slopes peak

table = dir_q4_complexity.'/summary.tsv'
slopes = dir_q4_complexity.'/slopes.tsv'
directions = 'forward backward'

eval open_page(10.6, 4)
entry = 0
set multiplot
set logscale xy
set xlabel L_length font WORDS
set format y '10^{%L}'

array MX[12]; array MY[12]; array SLOPE[12]; array FROM[12]; array TO[12]
stats dir_q4_complexity.'/peak.tsv' using (is('quantity', 'gemm_flops') * column('value')) nooutput
peak = STATS_max
stats table using (column('length')):(column('seconds')) nooutput
shortest = STATS_min_x; longest = STATS_max_x; quickest = STATS_min_y; slowest = STATS_max_y
step = longest / shortest > 40 ? 4 : 2
set xtics shortest, step, longest * 2

# The operations of exact attention: the same for both of its forms.
stats table using (collect(stringcolumn('variant'))) nooutput
softmax_name = listed('tiled') ? 'tiled' : 'materialised'
softmax(v) = v eq softmax_name ? 1 : NaN

fit(i, x) = SLOPE[i] > -9 && x >= FROM[i] && x <= TO[i] ? exp(MY[i] + SLOPE[i] * (log(x) - MX[i])) : NaN

do for [d = 1:2] {
    direction = word(directions, d)
    row(v) = is('variant', v) * is('direction', direction)
    set autoscale
    WORDLIST = ''
    stats slopes using (collect_row(is('quantity', 'time'))) nooutput
    fitted = choose(direction)
    do for [i = 1:12] { SLOPE[i] = -10 }
    do for [s in SERIES] {
        i = int(s)
        stats slopes using (row(slug(i)) * is('quantity', 'time') * column('from_length')) nooutput
        FROM[i] = STATS_max
        stats slopes using (row(slug(i)) * is('quantity', 'time') * column('to_length')) nooutput
        TO[i] = STATS_max
        stats slopes using (row(slug(i)) * is('quantity', 'time') * column('slope')) nooutput
        SLOPE[i] = STATS_max
        inside(x) = x >= FROM[i] && x <= TO[i] ? x : NaN
        stats table using (row(slug(i)) * log(inside(column('length')))) nooutput
        MX[i] = STATS_mean
        stats table using (row(slug(i)) * log(column('seconds')) + 0 * inside(column('length'))) nooutput
        MY[i] = STATS_mean
    }
    set xrange [shortest / 1.25 : longest * 1.25]
    set yrange [quickest / 2 : slowest * 2]
    set title (d == 1 ? L_forward : L_backward) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_seconds font WORDS offset .8,0
        do for [s in SERIES] { eval legend_point(entry, name(int(s)), MARK[int(s)], ink(int(s))); entry = entry + 1 }
        eval legend_line(entry, L_at_peak, 2, '#000000')
    } else {
        eval right_panel
        set format y ''
    }
    set samples 300
    plot for [s in SERIES] fit(int(s), x) with lines lw .8 lc rgb ink(int(s)) notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb ink(int(s)) notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * column('length')):'seconds' \
             with points pt MARK[int(s)] ps .55 lw 1 lc rgb ink(int(s)) notitle, \
         table using (is('direction', direction) * softmax(stringcolumn('variant')) * column('length')):(column('flops') / peak) \
             with lines dt 2 lw 1.4 lc rgb '#000000' notitle
}
unset multiplot
