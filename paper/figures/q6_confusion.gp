# q6_confusion: what was said of what, as shares of the true class, with the counts.
# needs: q6_mpnet confusion_train confusion_validation confusion_test

splits = 'train validation test'
eval open_page(6.6, 0)
set multiplot
set border 0
unset grid
set tics scale 0
set cbrange [0 : 1]
unset colorbox
set palette defined (0 '#ffffff', .5 '#8fb3d9', 1 '#1b365d')
set xtics (L_class_0 0, L_class_1 1) font SMALL
set xlabel L_predicted font WORDS
do for [k = 1:3] {
    set xrange [*:*]; set yrange [*:*]
    table = dir_q6_mpnet.'/confusion_'.word(splits, k).'.tsv'
    stats table using (is('truth', '0') * column('count')) nooutput
    all_0 = STATS_sum
    stats table using (is('truth', '1') * column('count')) nooutput
    all_1 = STATS_sum
    set xrange [-.5 : 1.5]; set yrange [1.5 : -.5]
    share(truth, n) = n / (truth == 0 ? all_0 : all_1)
    set title value('L_confusion_'.word(splits, k)) font WORDS offset 0,TITLE_DROP
    left = .115 + (k - 1) * .305
    set lmargin at screen left
    set rmargin at screen left + .26
    if (k == 1) { set ytics (L_class_0 0, L_class_1 1) font SMALL rotate by 90 offset (persian ? -.2 : .6),0 center; set ylabel L_truth font WORDS offset (persian ? 0 : .8),0 } \
    else { set ytics ('' 0, '' 1); unset ylabel }
    plot table using 'predicted':'truth':(share(column('truth'), column('count'))) with image notitle, \
         table using 'predicted':'truth':(sprintf('%d', column('count'))):(share(column('truth'), column('count')) > .6 ? 0xffffff : 0x111111) \
             with labels font 'TeX Gyre Pagella,12' tc rgb variable offset 0,.35 notitle, \
         table using 'predicted':'truth':(sprintf('%.0f %%', 100 * share(column('truth'), column('count')))):(share(column('truth'), column('count')) > .6 ? 0xffffff : 0x111111) \
             with labels font LATIN tc rgb variable offset 0,-.8 notitle
}
unset multiplot
