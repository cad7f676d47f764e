# q4_variance: measured over closed-form variance, against |x + y|^2.
# needs: q4_features variance

table = dir_q4_features.'/variance.tsv'
maps = 'positive positive trigonometric trigonometric'
kinds = 'orthogonal iid orthogonal iid'
array MINK[4] = ['#b3202a', '#d98200', '#000000', '#8a8f96']
array MMARK[4] = [13, 12, 5, 4]

eval open_page(7.2, 2)
set xlabel L_norm2 font LATIN
set ylabel L_ratio font WORDS offset .2,0
set format x '%g'
set format y '%.1f'
set lmargin at screen .105
set rmargin at screen .99
stats table using (is('family', 'norm') * column('norm2')) nooutput
set xrange [STATS_min / 1.3 : STATS_max * 1.3]
set yrange [0 : *]
set logscale x
# Only the pairs with x and y at a right angle, whose kernel is 1: the others vary the kernel too.
row(k) = is('map', word(maps, k)) * is('kind', word(kinds, k)) * is('family', 'norm')
ratio(c) = column(c) / column('formula')
title_of(k) = value('L_'.word(maps, k).'_'.word(kinds, k))

do for [k = 1:4] { eval legend_point(k - 1, title_of(k), MMARK[k], MINK[k]) }
eval legend_line(4, L_agreement, 1, '#5f6770')
plot 1 with lines lw 1.2 lc rgb '#5f6770' notitle, \
     for [k = 1:4] table using (row(k) * column('norm2')):(ratio('measured')):(ratio('low')):(ratio('high')) \
         with yerrorbars pt MMARK[k] ps .65 lw 1 lc rgb MINK[k] notitle
