# q4_devices: forward time against length, on the processor and on the GPU, with the same axes.
# needs: q4_complexity summary
# needs: q4_complexity_cuda summary

host = dir_q4_complexity.'/summary.tsv'
gpu = dir_q4_complexity_cuda.'/summary.tsv'
SHOWN = 'materialised tiled wrong_order favor_positive elu materialised_bf16 tiled_bf16 favor_positive_tf32 elu_tf32'
# Of those, the numbers that the words collected last hold.
chosen(k) = listed(word(SHOWN, k).'/forward') ? ' '.k : ''
list(n) = (THOSE = '', sum [k = 1:n] (THOSE = THOSE.chosen(k), 0), THOSE)
array DINK[9] = ['#000000', '#1b5e9e', '#d98200', '#b3202a', '#3c8d4f', '#5f6770', '#5ba3d0', '#e0868c', '#93c9a0']
array DMARK[9] = [5, 7, 9, 13, 15, 4, 6, 12, 14]
row(k) = is('variant', word(SHOWN, k)) * is('direction', 'forward')

eval open_page(9, 3)
set multiplot
set logscale xy
set xlabel L_length font WORDS
set format y '10^{%L}'
stats host using (is('direction', 'forward') * column('length')):(column('seconds')) nooutput
shortest = STATS_min_x; longest = STATS_max_x; quickest = STATS_min_y; slowest = STATS_max_y
stats gpu using (is('direction', 'forward') * column('length')):(column('seconds')) nooutput
shortest = STATS_min_x < shortest ? STATS_min_x : shortest
longest = STATS_max_x > longest ? STATS_max_x : longest
quickest = STATS_min_y < quickest ? STATS_min_y : quickest
slowest = STATS_max_y > slowest ? STATS_max_y : slowest
set xtics shortest, longest / shortest > 300 ? 8 : 4, longest * 2

# Which of them either device has.
WORDLIST = ''
stats host using (collect_row(is('direction', 'forward'))) nooutput
stats gpu using (collect_row(is('direction', 'forward'))) nooutput
ALL = list(9)
entry = 0
do for [d = 1:2] {
    table = d == 1 ? host : gpu
    WORDLIST = ''
    set autoscale
    stats table using (collect_row(is('direction', 'forward'))) nooutput
    HERE = list(9)
    set xrange [shortest / 1.25 : longest * 1.25]
    set yrange [quickest / 2 : slowest * 2]
    set title (d == 1 ? L_devices_cpu : L_devices_gpu) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set ylabel L_seconds font WORDS offset .8,0
        do for [k in ALL] { eval legend_point(entry, value('L_variant_'.word(SHOWN, int(k))), DMARK[int(k)], DINK[int(k)]); entry = entry + 1 }
    } else {
        eval right_panel
        set format y ''
    }
    plot for [k in HERE] table using (row(int(k)) * column('length')):'low':'high' \
             with filledcurves fs transparent solid .25 noborder fc rgb DINK[int(k)] notitle, \
         for [k in HERE] table using (row(int(k)) * column('length')):'seconds' \
             with linespoints pt DMARK[int(k)] ps .55 lw .9 lc rgb DINK[int(k)] notitle
}
unset multiplot
