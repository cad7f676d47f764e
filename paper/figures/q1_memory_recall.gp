# q1_memory_recall: left, the accuracy of recalling a symbol against its distance from the state that
# answers, with the line of chance; right, the decay rate that the trained readers have.
# needs: q1_memory recall rates

recall = dir_q1_memory.'/recall.tsv'
rates = dir_q1_memory.'/rates.tsv'
RATED = '1 2 3 4 5 6 9'
rated(i) = int(word(RATED, i))

stats recall using 'lag' nooutput
FROM = STATS_min; TO = STATS_max

eval open_page(8.6, 3)
set multiplot
set logscale x
set xtics (6, 12, 25, 50, 100, 200, 400)
do for [k = 1:9] { eval legend_point(k - 1, reader_name(k), READER_MARK[k], READER_INK[k]) }
eval legend_line(9, L_q1_memory_chance, 3, '#5f6770')

eval left_panel
set title L_q1_memory_recall font WORDS offset 0,TITLE_DROP
set xlabel L_q1_memory_distance font WORDS
set xrange [FROM / 2 / 1.15 : TO * 1.15]
set yrange [0 : 1.04]
set format y '%.1f'
# Read at both ends, the first symbol is the last that the backward half has read: it stands at the lag.
away(k) = column('distance') > 0 ? column('distance') : column('lag')
plot run_chance with lines dt 3 lw 1.4 lc rgb '#5f6770' notitle, \
     for [k = 1:9] recall using (is('reader', reader(k)) * away(k)):'accuracy':'low':'high' \
         with yerrorbars pt READER_MARK[k] ps .1 lw .8 lc rgb READER_INK[k] notitle, \
     for [k = 1:9] recall using (is('reader', reader(k)) * away(k)):'accuracy' \
         with linespoints pt READER_MARK[k] ps .65 lw .9 lc rgb READER_INK[k] notitle

set lmargin at screen .62; set rmargin at screen .993
set title L_q1_memory_rate font WORDS offset 0,TITLE_DROP
set xlabel L_q1_memory_trained_lag font WORDS
set xtics (L_q1_memory_untrained FROM / 2, 12, 25, 50, 100, 200, 400)
set yrange [* : *]
set format y '%.1f'
at(i) = is('reader', reader(rated(i))) * (stringcolumn('phase') eq 'before' ? FROM / 2. : column('lag'))
plot 0 with lines lw .6 lc rgb '#5f6770' notitle, \
     for [i = 1:words(RATED)] rates using (at(i)):'rate':'low':'high' \
         with yerrorbars pt READER_MARK[rated(i)] ps .1 lw .8 lc rgb READER_INK[rated(i)] notitle, \
     for [i = 1:words(RATED)] rates using (at(i)):'rate' \
         with linespoints pt READER_MARK[rated(i)] ps .65 lw .9 lc rgb READER_INK[rated(i)] notitle
unset multiplot
