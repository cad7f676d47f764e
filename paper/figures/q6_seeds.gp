# q6_seeds: Matthews correlation of every seed, in and out of domain, with 95 % intervals over sentences.
# needs: q6_mpnet seeds

table = dir_q6_mpnet.'/seeds.tsv'
splits = 'validation in_domain out_of_domain'
array CINK[3] = ['#8a8f96', '#1b5e9e', '#b3202a']
array CMARK[3] = [9, 5, 13]

eval open_page(7.2, 1)
set xlabel L_seed font WORDS
set ylabel L_mcc font WORDS offset .4,0
set lmargin at screen .10
set rmargin at screen .99
stats table using (collect(stringcolumn('seed'))) nooutput
SEEDS = WORDLIST
place(s) = sum [k = 1:words(SEEDS)] (word(SEEDS, k) eq s ? k : 0)
set xrange [.5 : words(SEEDS) + .5]
unset xtics
set xtics ()
do for [k = 1:words(SEEDS)] { set xtics add (word(SEEDS, k) k) }
set yrange [0 : *]
set format y '%.1f'
do for [k = 1:3] { eval legend_point(k - 1, value('L_split_'.word(splits, k)), CMARK[k], CINK[k]) }
eval legend_line(3, L_goal, 2, '#5f6770')
plot .5 with lines dt 2 lw 1 lc rgb '#5f6770' notitle, \
     for [k = 1:3] table using (is('split', word(splits, k)) * (place(stringcolumn('seed')) + (k - 2) * .18)):'mcc':'mcc_low':'mcc_high' \
         with yerrorbars pt CMARK[k] ps .7 lw 1 lc rgb CINK[k] notitle
