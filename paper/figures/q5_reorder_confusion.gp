# q5_reorder_confusion: where the words of each position went, in per cent of its row.
# needs: q5_reorder confusion_train confusion_validation confusion_test

splits = 'train validation test'
eval open_page(18.2, 0)
set multiplot
set border 0
unset grid
set tics scale 0
set cbrange [0 : 1]
unset colorbox
set palette defined (0 '#ffffff', .5 '#8fb3d9', 1 '#1b365d')
set format x '%.0f'; set format y '%.0f'
set xrange [.5 : 15.5]; set yrange [15.5 : .5]
set xtics 1, 1, 15 font LATIN offset 0, .4
set ytics 1, 1, 15 font LATIN offset .4, 0
do for [k = 1:3] {
    table = dir_q5_reorder.'/confusion_'.word(splits, k).'.tsv'
    set title value('L_q5_reorder_confusion_'.word(splits, k)) font WORDS offset 0,TITLE_DROP
    column_ = (k - 1) % 2
    row_ = (k - 1) / 2
    set lmargin at screen .09 + column_ * .5
    set rmargin at screen .49 + column_ * .5
    set tmargin at screen .965 - row_ * .5
    set bmargin at screen .555 - row_ * .5
    set xlabel L_q5_reorder_predicted font WORDS offset 0, .6
    set ylabel L_q5_reorder_truth font WORDS offset -.4, 0
    plot table using 'predicted':'truth':'share' with image notitle, \
         table using 'predicted':'truth':(column('count') > 0 ? sprintf('%.0f', 100 * column('share')) : ''):(column('share') > .55 ? 0xffffff : 0x111111) \
             with labels font 'TeX Gyre Pagella,6.5' tc rgb variable notitle
}
unset multiplot
