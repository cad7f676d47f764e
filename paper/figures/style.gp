# style: what all figures share. Colours differ in lightness too, and every series has a point of
# its own, so that a figure printed in grey can be read.
#
# Figures are 160 mm wide, the width of the text, and are included unscaled: with this fontscale a
# point of type here is a point of type there.

persian = language eq 'fa'
LATIN = 'TeX Gyre Pagella,8.5'
WORDS = persian ? 'Amiri,10' : 'TeX Gyre Pagella,9.5'
SMALL = persian ? 'Amiri,9' : 'TeX Gyre Pagella,8'
TITLE_DROP = persian ? -1.1 : -.4

set encoding utf8
set datafile separator tab
set datafile columnheaders
set datafile missing NaN      # a row of another series is skipped, and breaks no line
set border 3 lc rgb '#5f6770' lw .8
set tics nomirror out scale .6 font LATIN tc rgb '#222222'
set grid lc rgb '#d9dce0' lt 1 lw .4
unset key

# A page of `height` cm whose last `rows` rows are the legend. open_page is a command to evaluate.
page_width = 16.0
row_height = .46
open_page(height, rows) = (page_height = height, legend_rows = rows, \
    sprintf("set terminal pdfcairo size %.2fcm,%.2fcm font '%s' fontscale .75 enhanced rounded; set output '%s'; set tmargin at screen %g; set bmargin at screen %g", \
            page_width, height, LATIN, output_file, 1 - (persian ? .75 : .62) / height, (rows * row_height + (persian ? 1.25 : 1.15)) / height))
# Two panels side by side; the left one has room for the numbers of the axis.
left_panel = 'set lmargin at screen .095; set rmargin at screen .53'
right_panel = 'set lmargin at screen .56; set rmargin at screen .993; unset ylabel'

# The legend, four columns, entry k from 0. In Persian it runs from the right. Commands to evaluate.
LEGEND_COLUMNS = 4
legend_x(k) = (x = .02 + (k % LEGEND_COLUMNS) * .98 / LEGEND_COLUMNS, persian ? 1 - x : x)
legend_y(k) = ((legend_rows - .5 - k / LEGEND_COLUMNS) * row_height + .05) / page_height
# (a Persian entry that begins with a Latin word is read from the right all the same: RIGHT_TO_LEFT is U+200F)
RIGHT_TO_LEFT = persian ? "\342\200\217" : ''
from_right(text) = RIGHT_TO_LEFT.text
legend_text(k, text, shift, rest) = sprintf("set label %d '%s' at screen %g,%g %s font '%s' tc rgb '#222222' offset %g,0 %s", \
    100 + k, from_right(text), legend_x(k) + (persian ? -shift : shift), legend_y(k), persian ? 'right' : 'left', SMALL, persian ? -1.6 : 1.3, rest)
legend_point(k, text, mark, colour) = legend_text(k, text, 0, sprintf("point pt %d ps .6 lw 1 lc rgb '%s'", mark, colour))
legend_line(k, text, dash, colour) = sprintf("set arrow %d from screen %g,%g to screen %g,%g nohead dt %d lw 1.4 lc rgb '%s'; ", \
    100 + k, legend_x(k) + (persian ? .008 : -.008), legend_y(k), legend_x(k) + (persian ? -.028 : .028), legend_y(k), dash, colour) \
    .legend_text(k, text, .028, '')

# A word of a list, added when it is not there yet; for the first pass over a table.
WORDLIST = ''
collect(w) = strstrt(WORDLIST.' ', ' '.w.' ') ? 0 : (WORDLIST = WORDLIST.' '.w, 0)
listed(w) = strstrt(WORDLIST.' ', ' '.w.' ') > 0

# The row of a series: 1, or NaN so that the row is skipped.
is(column, word) = stringcolumn(column) eq word ? 1 : NaN

# Powers of two or ten as they are read: 512, 1024, ... are written out.
set format x '%.0f'

# --- variants: one look each, in every figure ----------------------------------------------------
VARIANTS = 'materialised materialised_causal tiled tiled_causal wrong_order favor_positive favor_causal favor_trigonometric elu elu_causal relu value'
array INK[12] = ['#000000', '#000000', '#1b5e9e', '#1b5e9e', '#d98200', '#b3202a', '#b3202a', '#8a8f96', '#3c8d4f', '#3c8d4f', '#7b4ea3', '#9aa0a6']
array MARK[12] = [5, 4, 7, 6, 9, 13, 12, 11, 15, 14, 8, 2]
slug(i) = word(VARIANTS, i)
name(i) = value('L_variant_'.slug(i))
ink(i) = INK[i]

# After `stats table using (collect_row(<keep>)) nooutput`, choose(direction) sets SERIES to the numbers
# of the variants that the table has in this direction: one that was not measured is no error.
collect_row(keep) = keep == 1 ? collect(stringcolumn('variant').'/'.stringcolumn('direction')) : NaN
take(i, direction) = listed(slug(i).'/'.direction) ? (SERIES = SERIES.' '.i, 0) : 0
choose(direction) = (SERIES = '', sum [i = 1:12] take(i, direction))

# --- readers of question 1: one look each -------------------------------------------------------
READERS = 'rnn gru lstm0 lstm1 chrono bilstm ends middle transformer'
array READER_INK[9] = ['#000000', '#7b4ea3', '#d98200', '#b3202a', '#3c8d4f', '#1b5e9e', '#8a8f96', '#5ba3d0', '#444444']
array READER_MARK[9] = [4, 12, 8, 9, 11, 6, 1, 2, 7]
reader(k) = word(READERS, k)
reader_name(k) = value('L_q1_memory_'.reader(k))
