# q4_spectrum: singular values of the scores and of their softmax.
# needs: q4_features spectrum

table = dir_q4_features.'/spectrum.tsv'
ink_of(m) = m eq 'scores' ? '#1b5e9e' : m eq 'softmax' ? '#000000' : '#b3202a'
mark_of(m) = m eq 'scores' ? 7 : m eq 'softmax' ? 4 : 13

# The longest sequence up to 1024 and, there, the widest head up to 64.
fits(x, most) = x <= most ? x : NaN
stats table using (fits(column('length'), 1024)) nooutput
length = STATS_max
stats table using (column('length') == length ? fits(column('width'), 64) : NaN) nooutput
width = STATS_max
label_of(m) = exists('L_matrix_'.m) ? value('L_matrix_'.m) : m
here(x) = column('length') == length && column('width') == width ? 1 : NaN
stats table using (here(0) == 1 ? collect(stringcolumn('matrix')) : NaN) nooutput

eval open_page(7.4, 1)
set logscale xy
set xlabel L_index font WORDS
set ylabel L_singular font WORDS offset .2,0
set format y '10^{%L}'
set lmargin at screen .105
set rmargin at screen .99
set xrange [.9 : length * 1.2]
set yrange [1e-18 : 4]
set ytics 1e3
set xtics (1, 4, 16, 64, 256, 1024)
set arrow 1 from width, graph 0 to width, graph 1 nohead dt 2 lw 1 lc rgb '#5f6770'
set label 1 sprintf('d = %d', width) at width * 1.12, graph .45 font LATIN tc rgb '#222222'
row(m) = is('matrix', m) * here(0)
shown(v) = v > 0 ? v : NaN

do for [k = 1:words(WORDLIST)] { m = word(WORDLIST, k); eval legend_point(k - 1, label_of(m), mark_of(m), ink_of(m)) }
plot for [m in WORDLIST] table using (row(m) * column('index')):(shown(column('value'))) \
         with linespoints pt mark_of(m) ps .4 lw .7 lc rgb ink_of(m) notitle
