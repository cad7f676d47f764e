# Tamrin. `make` alone says what can be done here. The engine is in src/, the harness in bench/,
# the questions in experiments/, the report in paper/.
#
# Targets that need programs come in two steps: .ci/setup.sh installs what is missing, then make
# starts itself again, so that everything found out below is found out after the set-up.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Text is UTF-8 and numbers have a point, whatever the user's language.
export LC_ALL := C.UTF-8
# TeX writes this file wherever it stands when a font is missing.
export MISSFONT_LOG := build/missfont.log

# --- what the user may set ----------------------------------------------------------------------
# NAME and ID (of the student), PROFILE (quick or full), MODELS (all: every model that make data
# knows), CORPORA (all: also texts with no stated licence), MIRROR (a folder searched before the network), SANITIZE (address,undefined), BENCH (flags
# of the micro-benchmarks), CC, CFLAGS.
# Names as common as NAME are believed only on make's own command line, not in the environment.
ifneq ($(origin NAME),command line)
NAME :=
endif
ifneq ($(origin ID),command line)
ID :=
endif
ifneq ($(origin BENCH),command line)
BENCH :=
endif
ifneq ($(origin MODELS),command line)
MODELS :=
endif
ifneq ($(origin CORPORA),command line)
CORPORA :=
endif
ifeq ($(filter quick full,$(PROFILE)),)
ifeq ($(origin PROFILE),command line)
$(error PROFILE=$(PROFILE): expected quick or full)
endif
PROFILE := quick
endif

VARIANT := release
COMMA := ,
ifneq ($(SANITIZE),)
VARIANT := sanitize-$(subst $(COMMA),-,$(SANITIZE))
endif
BUILD := build/$(VARIANT)
BIN := build/bin
ifneq ($(SANITIZE),)
BIN := $(BUILD)/bin
endif

ifeq ($(origin CC),default)
CC := gcc
endif
OPTIMISE := -O2 -ftree-vectorize -fno-math-errno -fno-trapping-math
ifneq ($(SANITIZE),)
OPTIMISE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
# As without it: more memory than there is is an answer of NULL, which tests ask for.
export ASAN_OPTIONS ?= allocator_may_return_null=1
endif
# snprintf cuts text to its buffer on purpose, in messages and descriptions.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wno-format-truncation
USER_FLAGS := $(CPPFLAGS) $(CFLAGS)

# OpenBLAS built on OpenMP, whichever flavour the system prefers otherwise. The rpath is of the old
# kind, which also holds for what our libraries need: LAPACKE's LAPACK must be the same OpenBLAS.
OPENBLAS := $(shell .ci/setup.sh --openblas 2>/dev/null)
PKG_CONFIG := PKG_CONFIG_PATH="$(OPENBLAS)/pkgconfig:$$PKG_CONFIG_PATH" pkg-config
CPPFLAGS += -Isrc -Ibench -Iexperiments -Itests
CPPFLAGS += $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
CPPFLAGS += -DTAMRIN_BUILD='"$(VARIANT): $(strip $(OPTIMISE) $(subst ",,$(USER_FLAGS)))"'
CFLAGS += -std=c11 -g -fopenmp $(OPTIMISE) $(WARNINGS)
LDFLAGS += -fopenmp $(if $(SANITIZE),-fsanitize=$(SANITIZE))
ifneq ($(OPENBLAS),)
LDFLAGS += -L$(OPENBLAS) -Wl,--disable-new-dtags -Wl,-rpath,$(OPENBLAS)
endif
LDLIBS += -lopenblas -llapacke -lcjson -lutf8proc -lz -lm
# oneDNN is used where it is found. Only programs that multiply through it load it.
ONEDNN := $(shell .ci/setup.sh --onednn 2>/dev/null)
CPPFLAGS += $(if $(ONEDNN),-DTAMRIN_ONEDNN)
LDLIBS += $(if $(ONEDNN),-Wl$(COMMA)--as-needed -ldnnl -Wl$(COMMA)--no-as-needed)
LINK = @mkdir -p $(@D); echo '  link $@'; $(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^)

# --- the engine -------------------------------------------------------------------------------
ENGINE := $(wildcard $(patsubst %,src/%/*.c,base stat metric text data tensor op op/cpu grad nn \
                       store model train))
# Loops compiled once for each instruction set and chosen at run time (src/op/cpu/isa.h).
ISA_SOURCES := $(wildcard src/op/cpu/isa/*.c)
ARCH := $(shell uname -m)
ISAS := baseline
ifeq ($(ARCH),x86_64)
ISAS := baseline avx2 avx512
endif
ISA_FLAGS_baseline := -O3 -ffp-contract=fast -Wno-psabi
ISA_FLAGS_avx2 := $(ISA_FLAGS_baseline) -march=x86-64-v3
ISA_FLAGS_avx512 := $(ISA_FLAGS_baseline) -march=x86-64-v4 -mprefer-vector-width=512

ENGINE_OBJECTS := $(ENGINE:%.c=$(BUILD)/%.o)

# --- CUDA: a plug-in where nvcc is, and where g++ is, the same files emulated for the tests ---------
NVCC := $(shell .ci/setup.sh --nvcc 2>/dev/null)
CXX := $(shell .ci/setup.sh --c++ 2>/dev/null)
CUDA_SOURCES := $(wildcard src/op/cuda/*.cu)
CUDA_HEADERS := $(wildcard src/op/cuda/*.h src/op/*.h)
CUDA_PLUGIN := $(if $(NVCC),$(BIN)/tamrin_cuda.so)
# Machine code for Ampere and Hopper, and PTX for what comes after.
CUDA_FLAGS := -std=c++17 -O3 -Isrc -Isrc/op/cuda -Xcompiler -fPIC,-Wall,-Wextra \
              -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 \
              -gencode arch=compute_90,code=compute_90
EMULATE_FLAGS := -std=c++17 -g -fPIC -Isrc/op/cuda -DTAMRIN_EMULATE -Wall -Wextra
EMULATED := $(if $(CXX),$(BUILD)/libcudaemulated.a)
EMULATION := $(BUILD)/emulated/emulate.o $(BUILD)/emulated/emulate_tensor.o

$(BUILD)/cuda/%.o: src/op/cuda/%.cu $(CUDA_HEADERS)
	@mkdir -p $(@D)
	@echo '  nvcc $<'; $(NVCC) $(CUDA_FLAGS) -c $< -o $@

$(BIN)/tamrin_cuda.so: $(CUDA_SOURCES:src/op/cuda/%.cu=$(BUILD)/cuda/%.o)
	@mkdir -p $(@D)
	@echo '  link $@'; $(NVCC) -shared -o $@ $^ -lcublas

$(BUILD)/emulated/%.o: src/op/cuda/%.cu $(CUDA_HEADERS) $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  c++ $<'; $(CXX) $(CPPFLAGS) $(EMULATE_FLAGS) $(OPTIMISE) -x c++ -c $< -o $@

$(BUILD)/emulated/%.o: src/op/cuda/%.cpp $(CUDA_HEADERS) $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  c++ $<'; $(CXX) $(CPPFLAGS) $(EMULATE_FLAGS) $(OPTIMISE) -c $< -o $@

$(BUILD)/libcudaemulated.a: $(CUDA_SOURCES:src/op/cuda/%.cu=$(BUILD)/emulated/%.o) \
                            $(EMULATION) $(BUILD)/emulated/selftest.o

# The emulation as a plug-in, so that whole programs are tested with it: TAMRIN_CUDA names it.
EMULATED_PLUGIN := $(if $(CXX),$(BIN)/tamrin_cuda_emulated.so)
$(BIN)/tamrin_cuda_emulated.so: $(CUDA_SOURCES:src/op/cuda/%.cu=$(BUILD)/emulated/%.o) \
                                $(EMULATION)
	@mkdir -p $(@D)
	@echo '  link $@'; $(CXX) $(OPTIMISE) -shared -o $@ $^ $(LDFLAGS) -lopenblas

ifneq ($(CXX),)
$(BUILD)/tests/op/%.o: CPPFLAGS += -DTAMRIN_CUDA_EMULATED
endif

ENGINE_OBJECTS += $(foreach isa,$(ISAS),$(ISA_SOURCES:%.c=$(BUILD)/%.$(isa).o))

# Flags that change are a reason to compile again: no binary mixes two settings.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS) $(ISA_FLAGS_avx512) $(LDFLAGS))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# make V=1 prints every command whole.
ifeq ($(V),)
QUIET = @echo '  $(1) $(2)';
endif

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call QUIET,cc,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define ISA_RULE
$$(BUILD)/%.$(1).o: %.c $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call QUIET,cc,$$< for $(1))$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(ISA_FLAGS_$(1)) -DISA=$(1) -DISA_$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call ISA_RULE,$(isa))))

$(BUILD)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/libtamrin.a: $(ENGINE_OBJECTS)

# --- the harness: bench/hayai*.c is a library; bench/bench_*.c are programs, and so is our side of
# the races of bench/peers/ ------------------------------------------------------------------------
HAYAI_SOURCES := $(wildcard bench/hayai*.c)
BENCH_SOURCES := $(wildcard bench/bench_*.c bench/peer_*.c)
BENCH_SHARED := $(filter-out $(HAYAI_SOURCES) $(BENCH_SOURCES),$(wildcard bench/*.c))
BENCH_BINARIES := $(BENCH_SOURCES:bench/%.c=$(BIN)/%)

$(BUILD)/libhayai.a: $(patsubst %.c,$(BUILD)/%.o,$(HAYAI_SOURCES) $(BENCH_SHARED))

# The operator table serves the tests and the micro-benchmarks alike.
$(BUILD)/liboptable.a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/op/test_%,\
                                                      $(wildcard tests/op/*.c)))

# The table's mirror of a GPU needs its operations.
$(BENCH_BINARIES): $(BIN)/%: $(BUILD)/bench/%.o $(BUILD)/liboptable.a $(BUILD)/libhayai.a \
                             $(EMULATED) $(BUILD)/libtamrin.a
	$(LINK) $(LDLIBS) $(if $(EMULATED),-lstdc++)

# --- the experiments: a file with main() is a program, the others are shared ----------------------
EXPERIMENT_SOURCES := $(wildcard experiments/*.c)
EXPERIMENT_MAINS := $(shell grep -l '^int main' $(EXPERIMENT_SOURCES) /dev/null)
EXPERIMENT_SHARED := $(filter-out $(EXPERIMENT_MAINS),$(EXPERIMENT_SOURCES))
EXPERIMENT_BINARIES := $(EXPERIMENT_MAINS:experiments/%.c=$(BIN)/%)
# Those that measure something, in the order of the assignment.
EXPERIMENTS := $(sort $(patsubst experiments/%.c,%,$(filter experiments/q% experiments/operations%,\
                                                     $(EXPERIMENT_MAINS))))

# Further trainings of one of them, in the full profile; .ci/measure.sh knows their flags.
VARIANTS := q5_reorder_lstm q5_reorder_s2

$(BUILD)/libexperiments.a: $(patsubst %.c,$(BUILD)/%.o,$(EXPERIMENT_SHARED))

$(filter-out $(BIN)/operations,$(EXPERIMENT_BINARIES)): $(BIN)/%: \
    $(BUILD)/experiments/%.o $(BUILD)/libexperiments.a $(BUILD)/libhayai.a $(BUILD)/libtamrin.a
	$(LINK) $(LDLIBS)

# Asks every device for the operator table's operations.
$(BIN)/operations: $(BUILD)/experiments/operations.o $(BUILD)/liboptable.a \
                   $(BUILD)/libexperiments.a $(BUILD)/libhayai.a $(EMULATED) $(BUILD)/libtamrin.a
	$(LINK) $(LDLIBS) $(if $(EMULATED),-lstdc++)

# --- the report: paper/paper.mk builds its program, the figures and both PDFs, and reads them back -
PAPER_SOURCES := $(wildcard paper/*.c)
PAPER_MAINS := $(shell grep -l '^int main' $(PAPER_SOURCES) /dev/null)
$(BUILD)/libpaper.a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(PAPER_MAINS),$(PAPER_SOURCES)))

RESULT_FILES := $(wildcard results/local/*/*.tsv results/recorded/*/*/*.tsv)
REPORTS := build/report-fa.pdf build/report-en.pdf
-include paper/paper.mk

# --- the tests: every tests/*/test_x.c offers `Suite *suite_x(void)` ------------------------------
SUITE_SOURCES := $(wildcard tests/*/test_*.c)
SUITES := $(patsubst test_%,%,$(basename $(notdir $(SUITE_SOURCES))))
# Those that read what make data brings are no part of make test.
DATA_SUITES := cola_published $(filter %_data,$(SUITES))
# Long, and on one processor: they run beside the others, and are shown after them.
SLOW_SUITES := attention leak layers precision
TEST_SOURCES := tests/main.c $(wildcard tests/unit/*.c tests/op/test_*.c tests/property/*.c \
                                        tests/fuzz/*.c)
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/%.o)

$(BUILD)/tests/suites.h: FORCE
	@mkdir -p $(@D)
	@printf 'SUITE(%s)\n' $(SUITES) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/tests/main.o: $(BUILD)/tests/suites.h
$(BUILD)/tests/main.o: CPPFLAGS += -I$(BUILD)/tests

$(BIN)/tests: $(TEST_OBJECTS) $(BUILD)/liboptable.a $(BUILD)/libexperiments.a \
              $(BUILD)/libhayai.a $(BUILD)/libpaper.a $(EMULATED) $(BUILD)/libtamrin.a
	$(LINK) $(shell pkg-config --libs check) $(LDLIBS) $(if $(EMULATED),-lstdc++)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

MIRROR_QUOTED := $(subst ','\'',$(MIRROR))
FETCH := MIRROR='$(MIRROR_QUOTED)' CORPORA='$(CORPORA)' experiments/fetch.sh experiments/inputs.tsv build/data
# What the experiments read, if it can be had.
INPUTS = @MIRROR='$(MIRROR_QUOTED)' CORPORA='$(CORPORA)' .ci/inputs.sh $(PROFILE)

# --- what can be asked for ------------------------------------------------------------------------
# A sub-make compiles on every processor unless this make was given a -j of its own.
AGAIN = +@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
ONE_BY_ONE = +@$(MAKE) --no-print-directory -j1

help:
	@echo 'make report      both PDFs: build/report-fa.pdf and build/report-en.pdf, measured here'
	@echo '                 NAME="..." ID=... put the student on every page; PROFILE=quick|full;'
	@echo '                 MIRROR=folder is searched for inputs before the network'
	@echo 'make reproduce   the same measurements here, beside the recorded ones, with verdicts'
	@echo 'make test        every test; SANITIZE=address,undefined tests under the sanitizers'
	@echo 'make test-data   those on real data and real weights; MIRROR=folder: from there alone'
	@echo 'make fuzz        10,000 damaged files of each kind under the sanitizers'
	@echo 'make bench       the micro-benchmarks; BENCH="--benchmark_filter=tiled" passes flags'
	@echo 'make experiments builds build/bin/q*: each explains itself with --help'
	@echo 'make measure     runs the experiments whose results are missing or out of date'
	@echo 'make record      keeps results of PROFILE=full under results/recorded/'
	@echo 'make record-gpu  questions 3 and 4 on an NVIDIA GPU, tested, raced and kept; STEPS="tests q4"'
	@echo 'make data        downloads the inputs of experiments/inputs.tsv; MIRROR=folder first;'
	@echo '                 PROFILE=full adds bert-base-uncased (440 MB), MODELS=all every model,'
	@echo '                 CORPORA=all Persian news of no stated licence (from a mirror: 19 MB)'
	@echo 'make orderer     trains the Persian word orderer that q5_reorder order uses'
	@echo '                 PROFILE=quick: half a minute; full: an hour or more, goes on after Ctrl-C'
	@echo 'make setup       installs what is missing; report, test and the others do so by themselves'
	@echo 'make lint        clang-format, cppcheck, shellcheck'
	@echo 'make submission  NAME="..." ID=...: the zip to hand in, build/<ID>_HW07.zip'
	@echo 'make clean       removes what was built; results and downloads stay'
	@echo
	@.ci/setup.sh --status

setup:
	@.ci/setup.sh build report data lint

test:
	@.ci/setup.sh build
	$(AGAIN) $(BIN)/tests $(if $(SANITIZE),,$(BIN)/q3_parallelism $(BIN)/q4_complexity $(EMULATED_PLUGIN) \
	                         $(CUDA_PLUGIN))
	$(if $(NVCC),,@echo 'no nvcc: the CUDA plug-in is not compiled; the rest is tested')
	$(if $(SANITIZE),,@tests/report/cli.sh $(BIN)/q4_complexity)
	$(if $(SANITIZE),,@tests/report/device.sh $(BIN)/tamrin_cuda_emulated.so \
	                          $(BIN)/q3_parallelism $(BIN)/q4_complexity)
	$(if $(SANITIZE),,@tests/report/record_gpu.sh)
	@$(BIN)/tests $(SLOW_SUITES) >$(BUILD)/slow-suites.log 2>&1 & slow=$$!; \
	trap 'kill $$slow 2>/dev/null; exit 130' INT TERM; \
	$(BIN)/tests $(filter-out $(DATA_SUITES) $(SLOW_SUITES),$(SUITES)); status=$$?; \
	wait $$slow || status=1; cat $(BUILD)/slow-suites.log; exit $$status

# With MIRROR only what that folder holds, and no network; a suite whose data is missing says so.
test-data:
	@.ci/setup.sh build data
	$(AGAIN) $(BIN)/tests
	@if [ -z '$(MIRROR_QUOTED)' ]; then $(FETCH) quick; \
	elif [ -d '$(MIRROR_QUOTED)' ]; then NETWORK=no $(FETCH) quick; \
	else echo 'test-data: MIRROR is no folder; only what make data brought before is tested'; fi
	@TAMRIN_DATA='$(CURDIR)/build/data' $(BIN)/tests $(DATA_SUITES)

# Ten thousand damaged files of each kind under the sanitizers; make test has its share of them.
fuzz:
	@.ci/setup.sh build
	$(AGAIN) SANITIZE=address,undefined run-fuzz

bench:
	@.ci/setup.sh build
	$(AGAIN) bench-programs
	$(ONE_BY_ONE) run-bench

experiments:
	@.ci/setup.sh build
	$(AGAIN) experiment-programs

measure:
	@.ci/setup.sh build
	$(INPUTS)
	$(AGAIN) experiment-programs
	$(ONE_BY_ONE) run-experiments

report:
	@.ci/setup.sh build report
	$(INPUTS)
	$(AGAIN) experiment-programs
	$(ONE_BY_ONE) run-experiments
	$(ONE_BY_ONE) $(REPORTS)
	@echo 'build/report-fa.pdf and build/report-en.pdf are up to date.'

reproduce:
	@.ci/setup.sh build
	$(INPUTS)
	$(AGAIN) experiment-programs
	$(ONE_BY_ONE) run-experiments
	@$(BIN)/reproduce

record:
	@.ci/record.sh

record-gpu:
	@.ci/record-gpu.sh

data:
	@.ci/setup.sh data
	@$(FETCH) $(if $(MODELS),$(MODELS),$(PROFILE))

# The model that a user tries. The training goes on where Ctrl-C left it.
orderer:
	@.ci/setup.sh build data
	@$(FETCH) quick
	$(AGAIN) $(BIN)/q5_data $(BIN)/q5_reorder
	@.ci/measure.sh q5_data $(PROFILE)
	@$(BIN)/q5_reorder --profile=$(PROFILE) --model=build/orderer.safetensors
	@echo "Try it: echo 'را کتاب خواند او' | $(BIN)/q5_reorder order"

submission:
	@.ci/submission.sh --check '$(subst ','\'',$(NAME))' '$(subst ','\'',$(ID))'
	$(ONE_BY_ONE) report
	@.ci/submission.sh '$(subst ','\'',$(NAME))' '$(subst ','\'',$(ID))'

# cppcheck takes a Style *style that a function fills for one that it reads: ctuuninitvar is off.
C_FILES = $(shell find src bench experiments tests paper -name '*.[ch]')
lint:
	@.ci/setup.sh lint
	@clang-format --dry-run --Werror $(C_FILES)
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability \
	  --inline-suppr --suppress=missingIncludeSystem --suppress=ctuuninitvar \
	  --error-exitcode=1 -j $(shell nproc) \
	  -Isrc -Ibench -Iexperiments -Itests $(filter %.c,$(C_FILES))
	@shellcheck $(shell find .ci experiments tests paper -type f -name '*.sh') .ci/run
	@echo 'clang-format, cppcheck and shellcheck have nothing to say.'

clean:
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name data -exec rm -rf {} +

# --- the second steps, after the set-up -------------------------------------------------------------
bench-programs: $(BENCH_BINARIES)
experiment-programs: $(EXPERIMENT_BINARIES) $(CUDA_PLUGIN)

run-fuzz: $(BIN)/tests
	@TAMRIN_FUZZ=10000 $(BIN)/tests $(filter fuzz_%,$(SUITES))

run-bench: $(filter $(BIN)/bench_%,$(BENCH_BINARIES))
	@for program in $^; do $$program $(BENCH) || exit 1; done

run-experiments: $(EXPERIMENT_BINARIES)
	@for name in $(EXPERIMENTS) $(VARIANTS); do .ci/measure.sh $$name $(PROFILE) || exit 1; done

.PHONY: help setup test test-data fuzz bench experiments measure report reproduce record record-gpu data \
        orderer submission lint clean bench-programs experiment-programs run-fuzz run-bench \
        run-experiments FORCE
FORCE:
