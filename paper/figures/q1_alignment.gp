# q1_alignment: which symbol of the source the decoder looked at (columns) when it wrote which of its
# own (rows): a reversed sequence, and two Persian phrases, read from the right.
# needs: q1_bottleneck alignment

table = dir_q1_bottleneck.'/alignment.tsv'
stats table using (is('part', 'text') * column('trained')) nooutput
long = STATS_records > 0 ? STATS_max : 0
panels = long > 0 ? 3 : 1
array MAP[3] = [0, 0, 1]
LETTERS = 'Amiri,7.5'
NUMBERS = 'TeX Gyre Pagella,7'
here(k) = is('score', 'additive') * (column('map') == MAP[k] ? 1 : NaN) * \
    (k == 1 ? is('part', 'reverse') * is('encoder', 'lstm') : is('part', 'text') * (column('trained') == long ? 1 : NaN))
shown(s) = s eq 'space' ? 'S' : s eq 'half-space' ? 'Z' : s eq 'end' ? 'E' : s eq 'rare' ? '?' : s

eval open_page(9.6, 0)
set multiplot
set border 0
unset grid
unset tics
set cbrange [0 : 1]
unset colorbox
set palette defined (0 '#ffffff', .5 '#8fb3d9', 1 '#1b365d')
set tmargin at screen .90
set bmargin at screen .05
do for [k = 1:panels] {
    set xrange [*:*]; set yrange [*:*]
    stats table using (here(k) * column('j')):(here(k) * column('i')) nooutput
    width = STATS_max_x
    height = STATS_max_y
    left = panels == 1 ? .3 : .045 + (k - 1) * .33
    set lmargin at screen left
    set rmargin at screen left + .28
    if (k == 1) { set xrange [-1.9 : width + .5] } else { set xrange [width + .5 : -1.9] }
    set yrange [height + .5 : -1.9]
    set title value('L_q1_map_'.k) font WORDS offset 0,.4
    plot table using (here(k) * column('j')):'i':'weight' with image notitle, \
         table using (here(k) * (column('i') == 0 ? column('j') : NaN)):(-1.1):(shown(stringcolumn('source'))) \
             with labels font (k == 1 ? NUMBERS : LETTERS) tc rgb '#222222' notitle, \
         table using (here(k) * (column('j') == 0 ? -1.2 : NaN)):'i':(shown(stringcolumn('target'))) \
             with labels font (k == 1 ? NUMBERS : LETTERS) tc rgb '#222222' notitle
}
unset multiplot
