# q4_memory: working memory against length: counted by the arena, by formula, seen from outside.
# needs: q4_complexity counted memory

table = dir_q4_complexity.'/counted.tsv'
seen = dir_q4_complexity.'/memory.tsv'     # fewer lengths: each takes a process of its own
directions = 'forward backward'
shown = 'materialised tiled wrong_order favor_positive elu'
shows(v) = strstrt(' '.shown.' ', ' '.v.' ') > 0

eval open_page(8.6, 2)
entry = 0
set multiplot
set logscale xy
set xlabel L_length font WORDS
stats table using (column('length')):(column('counted_bytes') > 0 ? column('counted_bytes') : NaN) nooutput
shortest = STATS_min_x; longest = STATS_max_x; least = STATS_min_y; most = STATS_max_y
stats table using (shows(stringcolumn('variant')) && column('formula_bytes') > 0 ? column('formula_bytes') : NaN) nooutput
least = STATS_min < least ? STATS_min : least
step = longest / shortest > 40 ? 4 : 2
set xtics shortest, step, longest * 2
set ytics ('1 KiB' 2**10, '32 KiB' 2**15, '1 MiB' 2**20, '32 MiB' 2**25, '1 GiB' 2**30, '32 GiB' 2**35)

positive(x) = x > 0 ? x : NaN
do for [d = 1:2] {
    direction = word(directions, d)
    row(v) = is('variant', v) * is('direction', direction)
    WORDLIST = ''
    set autoscale
    stats table using (collect_row(shows(stringcolumn('variant')) && column('counted_bytes') > 0)) nooutput
    dummy = choose(direction)
    set xrange [shortest / 1.25 : longest * 1.25]
    set yrange [least / 3 : most * 3]
    set title (d == 1 ? L_forward : L_backward) font WORDS offset 0,TITLE_DROP
    if (d == 1) {
        eval left_panel
        set lmargin at screen .125
        set ylabel L_bytes font WORDS
        do for [s in SERIES] { eval legend_point(entry, name(int(s)), MARK[int(s)], ink(int(s))); entry = entry + 1 }
        eval legend_line(entry, L_by_formula, 1, '#000000')
        eval legend_point(entry + 1, L_seen, 1, '#000000')
    } else {
        eval right_panel
        set ytics ('' 2**10, '' 2**15, '' 2**20, '' 2**25, '' 2**30, '' 2**35)
    }
    plot for [s in SERIES] table using (row(slug(int(s))) * column('length')):(positive(column('formula_bytes'))) \
             with lines lw .9 lc rgb ink(int(s)) notitle, \
         for [s in SERIES] table using (row(slug(int(s))) * column('length')):(positive(column('counted_bytes'))) \
             with points pt MARK[int(s)] ps .55 lc rgb ink(int(s)) notitle, \
         for [s in SERIES] seen using (row(slug(int(s))) * column('length')):(positive(column('seen_bytes'))) \
             with points pt 1 ps .9 lw 1.2 lc rgb ink(int(s)) notitle
}
unset multiplot
