# Tamrin. `make` alone says what can be done here. The engine is in src/, the harness in bench/,
# the questions in experiments/, the report in paper/.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

VARIANT := release
ifneq ($(SANITIZE),)
VARIANT := sanitize
endif
BUILD := build/$(VARIANT)
BIN := build/bin
ifneq ($(SANITIZE),)
BIN := $(BUILD)/bin
endif

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
OPTIMISE := -O2 -ftree-vectorize -fno-math-errno -fno-trapping-math
ifneq ($(SANITIZE),)
OPTIMISE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
endif
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla
OPENBLAS := $(shell pkg-config --variable=libdir openblas 2>/dev/null)
CPPFLAGS += -Isrc -Ibench -Iexperiments -Itests $(shell pkg-config --cflags openblas 2>/dev/null)
CPPFLAGS += -DTAMRIN_BUILD='"$(VARIANT): $(OPTIMISE)"'
CFLAGS += -std=c11 -g -fopenmp $(OPTIMISE) $(WARNINGS)
LDLIBS += $(shell pkg-config --libs openblas 2>/dev/null) -llapacke -lcjson -lm
COMMA := ,

# --- the engine -------------------------------------------------------------------------------
ENGINE := $(wildcard src/base/*.c src/stat/*.c src/tensor/*.c src/op/*.c src/op/cpu/*.c)
# Loops compiled once for each instruction set and chosen at run time (src/op/cpu/isa.h).
ISA_SOURCES := $(wildcard src/op/cpu/isa/*.c)
ARCH := $(shell uname -m)
ifeq ($(ARCH),x86_64)
ISAS := baseline avx2 avx512
endif
ISAS ?= baseline
ISA_FLAGS_avx2 := -march=x86-64-v3 -mtune=znver3
ISA_FLAGS_avx512 := -march=x86-64-v4 -mprefer-vector-width=512

ENGINE_OBJECTS := $(ENGINE:%.c=$(BUILD)/%.o)
ENGINE_OBJECTS += $(foreach isa,$(ISAS),$(ISA_SOURCES:%.c=$(BUILD)/%.$(isa).o))
BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/hayai*.c))
EXPERIMENT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,experiments/results.c)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define ISA_RULE
$$(BUILD)/%.$(1).o: %.c
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(ISA_FLAGS_$(1)) -DISA=$(1) -DISA_$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call ISA_RULE,$(isa))))

$(BUILD)/libtamrin.a: $(ENGINE_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

-include $(shell find build -name '*.d' 2>/dev/null)
