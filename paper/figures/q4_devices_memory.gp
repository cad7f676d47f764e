# q4_devices_memory: forward working memory against length, on the processor and on the GPU.
# needs: q4_complexity counted memory
# needs: q4_complexity_cuda counted memory

SHOWN = 'materialised tiled wrong_order favor_positive elu materialised_bf16 tiled_bf16'
array DINK[7] = ['#000000', '#1b5e9e', '#d98200', '#b3202a', '#3c8d4f', '#5f6770', '#5ba3d0']
array DMARK[7] = [5, 7, 9, 13, 15, 4, 6]
chosen(k) = listed(word(SHOWN, k).'/forward') ? ' '.k : ''
list(n) = (THOSE = '', sum [k = 1:n] (THOSE = THOSE.chosen(k), 0), THOSE)
row(k) = is('variant', word(SHOWN, k)) * is('direction', 'forward')
positive(x) = x > 0 ? x : NaN
folder(d) = d == 1 ? dir_q4_complexity : dir_q4_complexity_cuda

eval open_page(9, 3)
set multiplot
set logscale xy
set xlabel L_length font WORDS
set ytics ('1 KiB' 2**10, '32 KiB' 2**15, '1 MiB' 2**20, '32 MiB' 2**25, '1 GiB' 2**30, '32 GiB' 2**35)
shortest = 1e99; longest = 0; least = 1e99; most = 0
WORDLIST = ''
do for [d = 1:2] {
    stats folder(d).'/counted.tsv' using (is('direction', 'forward') * column('length')):(positive(column('counted_bytes'))) nooutput
    shortest = STATS_min_x < shortest ? STATS_min_x : shortest
    longest = STATS_max_x > longest ? STATS_max_x : longest
    least = STATS_min_y < least ? STATS_min_y : least
    most = STATS_max_y > most ? STATS_max_y : most
    stats folder(d).'/counted.tsv' using (collect_row(is('direction', 'forward'))) nooutput
}
ALL = list(7)
set xtics shortest, longest / shortest > 300 ? 8 : 4, longest * 2
entry = 0
do for [d = 1:2] {
    WORDLIST = ''
    set autoscale
    stats folder(d).'/counted.tsv' using (collect_row(is('direction', 'forward') * (column('counted_bytes') > 0))) nooutput
    HERE = list(7)
    WORDLIST = ''
    stats folder(d).'/counted.tsv' using (collect_row(is('direction', 'forward') * (column('formula_bytes') > 0))) nooutput
    BOUND = list(7)
    WORDLIST = ''
    stats folder(d).'/memory.tsv' using (collect_row(is('direction', 'forward') * (column('seen_bytes') > 0))) nooutput
    SEEN = list(7)
    set xrange [shortest / 1.25 : longest * 1.25]
    set yrange [least / 3 : most * 3]
    set title (d == 1 ? L_devices_cpu : L_devices_gpu) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set lmargin at screen .125
        set ylabel L_bytes font WORDS
        do for [k in ALL] { eval legend_point(entry, value('L_variant_'.word(SHOWN, int(k))), DMARK[int(k)], DINK[int(k)]); entry = entry + 1 }
        eval legend_line(entry, L_by_formula, 1, '#000000')
        eval legend_point(entry + 1, L_seen, 1, '#000000')
    } else {
        eval right_panel
        set ytics ('' 2**10, '' 2**15, '' 2**20, '' 2**25, '' 2**30, '' 2**35)
    }
    table = folder(d).'/counted.tsv'
    seen = folder(d).'/memory.tsv'
    plot for [k in BOUND] table using (row(int(k)) * column('length')):(positive(column('formula_bytes'))) \
             with lines lw .9 lc rgb DINK[int(k)] notitle, \
         for [k in HERE] table using (row(int(k)) * column('length')):(positive(column('counted_bytes'))) \
             with points pt DMARK[int(k)] ps .55 lc rgb DINK[int(k)] notitle, \
         for [k in SEEN] seen using (row(int(k)) * column('length')):(positive(column('seen_bytes'))) \
             with points pt 1 ps .9 lw 1.2 lc rgb DINK[int(k)] notitle
}
unset multiplot
