# The report program, and both PDFs. Included by the Makefile, which knows PAPER_SOURCES,
# RESULT_FILES and how to compile; ends in build/report-fa.pdf and build/report-en.pdf.

$(BIN)/report: $(BUILD)/paper/main.o $(BUILD)/libpaper.a $(BUILD)/libexperiments.a \
               $(BUILD)/libtamrin.a
	$(LINK) $(LDLIBS)

PAPER_INPUTS := $(wildcard paper/*.tex paper/*.sty paper/*/*.tex paper/*/*.tsv paper/*.bib \
                           paper/figures/*.gp paper/*.sh tests/report/*.sh)
# Where \excerpt may cut from.
PAPER_INPUTS += $(wildcard src/*/*.[ch] src/*/*/*.[ch] src/*/*/*/*.[ch] bench/*.[ch] \
                           experiments/*.[ch])

# The student's name and number, and which folders of results there are: a reason to build again
# although no file is newer.
build/paper/options: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(NAME))' '$(subst ','\'',$(ID))' $(RESULT_FILES) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

build/report-fa.pdf build/report-en.pdf: build/report-%.pdf: $(BIN)/report $(PAPER_INPUTS) \
                                                             $(RESULT_FILES) build/paper/options
	@REPORT=$(BIN)/report NAME='$(subst ','\'',$(NAME))' ID='$(subst ','\'',$(ID))' \
	    sh paper/build.sh $* $@
