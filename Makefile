# SPDX-License-Identifier: Apache-2.0
# make                 build/indelible
# make check           unit, kernel and end-to-end tests (SAN=1: with ASan and UBSan)
# make lint            clang-format, clang-tidy, cppcheck, shellcheck
# make check-deps      the dependency rules, and every header alone
# make bench           tools/bench, printed as ratios
# make fuzz            every fuzzer for SECONDS=60 each
# make mutate          a test must fail for each check of the verifier that is switched off
# make install         DESTDIR= PREFIX=/usr/local
# V=1 shows commands, O=dir builds elsewhere, CC=clang and CLANG=clang-NN choose compilers.

VERSION := 0.1.0
O       ?= build
PREFIX  ?= /usr/local
CLANG   ?= clang
# Ubuntu's bpftool is a wrapper that refuses kernels it was not packaged for; what it wraps does not.
BPFTOOL ?= $(or $(shell for tool in $$(PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool) \
                /usr/lib/linux-tools/*/bpftool /usr/lib/linux-*tools-*/bpftool; do \
                "$$tool" version >/dev/null 2>&1 && echo "$$tool" && break; done),bpftool)
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# Parts, and what each may know besides the C library. Unit tests link exactly this, so a broken
# rule does not link; `make check-deps` greps the includes against the same table.
PARTS           := base record chain control capture attribute score output
KNOWS_base      :=
KNOWS_record    := base
KNOWS_chain     := base
KNOWS_control   := base
KNOWS_capture   := base
KNOWS_attribute := record base
KNOWS_score     := record base
KNOWS_output    := score record base
LIBS_chain      := -lsodium -lz
LIBS_capture    := -lbpf -lelf -lz

# A sanitized build stands beside the plain one.
ifdef SAN
override O := $(O)-san
endif
, := ,
CFLAGS   ?= -O2 -g
STRICT   := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wno-missing-field-initializers -fno-common -fstack-protector-strong
SANITIZE := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
FORTIFY  := -U_FORTIFY_SOURCE $(if $(SAN)$(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
INCLUDES := -Iinclude -Iuser -I$(O) -DINDELIBLE_VERSION='"$(VERSION)"'
ALL_CFLAGS := $(INCLUDES) $(FORTIFY) $(STRICT) $(CFLAGS) $(SANITIZE) -MMD -MP

lib      = $(O)/lib$(1).a
sources  = $(wildcard user/$(1)/*.c)
objects  = $(patsubst %.c,$(O)/%.o,$(1))
needs    = $(foreach p,$(1) $(KNOWS_$(1)),$(call lib,$(p)))
libs     = $(foreach p,$(1) $(KNOWS_$(1)),$(LIBS_$(p)))

.PHONY: all check check-build check-unit fuzz mutate lint check-deps bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
all: $(O)/indelible

# --- the kernel side: one source, three objects, embedded as skeletons ----------------------------
# collect reads kernel objects through bpf_rdonly_cast (6.2); collect_plain has no call of it, not
# even one that is never reached: 5.15 would refuse that. collect_old is for kernels before that one.
MACHINE    := $(shell uname -m)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -Iinclude -Ibpf -Wall -Wextra -Werror -Wno-unused-parameter \
              -D__TARGET_ARCH_$(subst x86_64,x86,$(subst aarch64,arm64,$(MACHINE))) \
              -idirafter /usr/include/$(MACHINE)-linux-gnu
COLLECT := collect collect_plain collect_old
$(O)/collect.bpf.o: BPF_CFLAGS += -DTYPED_READS=1 -DOLD_KERNEL=0
$(O)/collect_plain.bpf.o: BPF_CFLAGS += -DTYPED_READS=0 -DOLD_KERNEL=0
$(O)/collect_old.bpf.o: BPF_CFLAGS += -DTYPED_READS=0 -DOLD_KERNEL=1
$(COLLECT:%=$(O)/%.bpf.o): bpf/collect.bpf.c $(wildcard bpf/*.h) include/event.h include/policy_map.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.raw
	$(Q)$(BPFTOOL) gen object $@ $@.raw && rm $@.raw
PROBES := preemption functions
$(PROBES:%=$(O)/%.bpf.o): $(O)/%.bpf.o: bpf/%.bpf.c bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.raw
	$(Q)$(BPFTOOL) gen object $@ $@.raw && rm $@.raw
$(O)/collect.skel.h: $(COLLECT:%=$(O)/%.bpf.o) $(PROBES:%=$(O)/%.bpf.o)
	$(call say,SKEL,$@)
	$(Q)set -e; { echo '/* generated: NOLINTBEGIN */'; for name in $(COLLECT) $(PROBES); do \
		$(BPFTOOL) gen skeleton $(O)/$$name.bpf.o name $$name; done; echo '/* NOLINTEND */'; } >$@.tmp
	$(Q)mv $@.tmp $@
$(call objects,$(wildcard user/capture/loader*.c)): $(O)/collect.skel.h

# --- user space -----------------------------------------------------------------------------------
$(O)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

define part_rule
$(call lib,$(1)): $(call objects,$(call sources,$(1)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach p,$(PARTS),$(eval $(call part_rule,$(p))))

CMD_LIBS := $(foreach p,output score attribute record control chain capture base,$(call lib,$(p)))
$(O)/indelible: $(call objects,$(call sources,cmd)) $(CMD_LIBS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ -lbpf -lelf -lz -lsodium -lpthread

# --- tests ----------------------------------------------------------------------------------------
# tests/unit/PART_subject.c links what PART may know and nothing else.
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/*.c))
part_of = $(firstword $(subst _, ,$(notdir $(1))))
define unit_rule
$(O)/unit/$(1): $(O)/tests/unit/$(1).o $(call needs,$(call part_of,$(1)))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) $$^ -o $$@ -lcheck -lsubunit -lm -lrt $(call libs,$(call part_of,$(1))) -lpthread
endef
$(foreach t,$(notdir $(UNIT)),$(eval $(call unit_rule,$(t))))

# Deeds and floods for the tests: one static program a file, so that nothing but the deed runs.
TOOLS := $(patsubst tests/kernel/%.c,$(O)/tests/kernel/%,$(wildcard tests/kernel/*.c))
$(O)/tests/kernel/%: tests/kernel/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STRICT) -O2 -static -pthread $< -o $@
$(O)/tests/kernel/deeds $(O)/tests/kernel/storm: tests/kernel/ring.h

# A chain in small pieces, to cut the power under (tests/e2e/power.py).
$(O)/tests/kernel/writer: $(O)/tests/kernel/writer.o $(call needs,chain)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(call libs,chain) -lpthread

# Our side of the comparison with another implementation of Merkle proofs (tests/e2e/oracle.py).
$(O)/tests/oracle/ours: $(O)/tests/oracle/ours.o $(call needs,chain)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(call libs,chain) -lpthread

# --- benchmarks -----------------------------------------------------------------------------------
$(O)/bench/empty.bpf.o: tools/bench/empty.bpf.c bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
$(O)/bench/overhead: tools/bench/overhead.c tools/bench/measure.c tools/bench/measure.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STRICT) -O2 $(filter %.c,$^) -o $@ -lbpf -lelf -lz
$(O)/bench/ladder: tools/bench/ladder.c tools/bench/measure.c tools/bench/measure.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STRICT) -O2 -static $(filter %.c,$^) -o $@
$(O)/bench/chain_load: $(O)/tools/bench/chain_load.o $(call needs,chain)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(call libs,chain) -lpthread
$(O)/eval/masquerade: $(O)/tools/eval/masquerade.o $(call needs,score)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@
bench: $(O)/indelible $(O)/bench/overhead $(O)/bench/ladder $(O)/bench/empty.bpf.o $(O)/bench/chain_load $(TOOLS)
	$(O)/bench/overhead $(O)/indelible $(O)/bench/empty.bpf.o
	tools/bench/pipeline $(O)
	tools/bench/chain $(O)
	tools/bench/workloads $(O)
	tools/bench/idle $(O)
	tools/bench/overhead_vm $(O) || [ $$? = 77 ]
	tools/bench/exec_ladder $(O) || [ $$? = 77 ]

check-unit: $(UNIT)
	$(Q)tests/run $(O) unit
check: check-build
	$(Q)tests/run $(O)
check-build: $(O)/indelible $(UNIT) $(TOOLS) $(O)/tests/oracle/ours

# On demand: every harness with libFuzzer, SECONDS each.
SECONDS ?= 60
fuzz:
	+$(Q)tests/fuzz/run $(O) $(SECONDS)

# On demand: each check of the verifier switched off, one at a time, turns a test red. FILES= and
# EVERY= take some of it. It is what `verify` and `check-proof` run (a program that calls them alone
# links no more of chain/): of reader.c, published.c, files.c ... only that much. Not sha256*.c, which
# computes, and is compared with another implementation.
MUTATE_CHAIN := verify.c verify_walk.c verify_segment.c verify_pool.c judge.c \
                seals.c:^seal_write segment.c blocks.c leaves.c note.c text.c tree.c \
                files.c:^create_file,replace_file segment_file.c:^segment_remove packed.c units.c \
                check_proof.c proof_text.c path.c published.c:read_note reader.c:chain_is_live
FILES ?= $(MUTATE_CHAIN:%=user/chain/%) user/record/coverage.c user/record/coverage_part.c \
         user/record/record.c
mutate: $(filter $(O)/unit/chain_% $(O)/unit/record_%,$(UNIT))
	$(Q)MUTATE_CC='$(CC)' MUTATE_CFLAGS='$(filter-out -M% -DINDELIBLE%,$(ALL_CFLAGS))' \
		MUTATE_LIBS_chain='$(call needs,chain) $(call libs,chain)' \
		MUTATE_LIBS_record='$(call needs,record) $(call libs,record)' \
		EVERY=$(EVERY) python3 -B tests/mutate/mutate.py $(O) $(foreach f,$(FILES),'$(f)')

lint: $(O)/collect.skel.h
	+$(Q)tools/lint
check-deps: $(foreach p,$(PARTS),$(call lib,$(p)))
	+$(Q)tools/check-deps
print-%:
	$(info $($*))@:

install: $(O)/indelible
	install -D -m 0755 $(O)/indelible $(DESTDIR)$(PREFIX)/sbin/indelible
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/indelible $(wildcard README.md) LICENSE
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' tools/packaging/indelible.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/indelible.service

clean:
	rm -rf $(O)

-include $(shell find $(O) -name '*.d' -type f 2>/dev/null)
