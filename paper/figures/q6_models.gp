# q6_models: every model that was measured: its seeds, and the mean with the interval over seeds and sentences.
# needs: q6_mpnet seeds facts
# optional: q6_bert seeds facts
# optional: q6_minilm seeds facts
# optional: q6_minilm_tokenized seeds facts
# optional: q6_minilm_control seeds facts

MODELS = 'bert mpnet minilm minilm_tokenized minilm_control'
folder(m) = value('dir_q6_'.m)
MEASURED = ''
do for [m in MODELS] { if (folder(m) ne '') { MEASURED = MEASURED.' '.m } }
splits = 'in_domain out_of_domain'
array CINK[2] = ['#1b5e9e', '#b3202a']
array CMARK[2] = [5, 13]

eval open_page(6.9, 1)
set ylabel L_mcc font WORDS offset .4,0
set lmargin at screen .10
set rmargin at screen .99
set xrange [.5 : words(MEASURED) + .5]
unset xtics
set xtics () font SMALL scale 0
do for [k = 1:words(MEASURED)] { set xtics add (from_right(value('L_model_'.word(MEASURED, k))) k) }
set yrange [-.1 : .75]
set ytics .1
set format y '%.1f'
do for [s = 1:2] { eval legend_point(s - 1, value('L_split_'.word(splits, s)), CMARK[s], CINK[s]) }
eval legend_point(2, L_one_seed, 6, '#5f6770')
eval legend_line(3, L_goal, 2, '#5f6770')
plot .5 with lines dt 2 lw 1 lc rgb '#5f6770' notitle, \
     0 with lines lt 1 lw .8 lc rgb '#5f6770' notitle, \
     for [k = 1:words(MEASURED)] for [s = 1:2] folder(word(MEASURED, k)).'/seeds.tsv' \
         using (is('split', word(splits, s)) * (k + (s - 1.5) * .3 + .09)):'mcc' \
         with points pt 6 ps .5 lw .9 lc rgb CINK[s] notitle, \
     for [k = 1:words(MEASURED)] for [s = 1:2] folder(word(MEASURED, k)).'/facts.tsv' \
         using (is('name', 'q6.'.word(MEASURED, k).'.'.word(splits, s).'.mcc.mean') * (k + (s - 1.5) * .3)):'value':'low':'high' \
         with yerrorbars pt CMARK[s] ps .8 lw 1.2 lc rgb CINK[s] notitle
