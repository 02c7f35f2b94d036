# The tests. Every suite is a list of files that tests/lib/run.py runs and
# counts; tests/README says how to add one.

# A C test is named MODULE_WHAT.c and is linked with all objects of MODULE and
# of what that module may use, and of nothing else: a call upwards fails to
# link. `store` stands for its two archives. X_ALSO: what makes the store that the
# test X reads.
model_folded_ALSO = store_write
test_module = $(firstword $(subst _, ,$(basename $(notdir $1))))
test_modules = $(call closure,$(patsubst store,store_write,$(call test_module,$1))) \
	$($(basename $(notdir $1))_ALSO)
test_objects = $(foreach m,$(call test_modules,$1),$(call module_objects,$m))
test_pkgs = $(sort $(foreach m,$(call test_modules,$1),$($m_LIBS)))
test_program = $(patsubst %.c,$(B)/%,$1)

UNIT_SOURCES = $(wildcard tests/unit/*.c)
PROTO_SOURCES = $(foreach m,$(MODULES) store,$(wildcard tests/proto/$m_*.c))
FUZZ_SOURCES = $(wildcard tests/fuzz/*.c)
LIB_SOURCES = $(wildcard tests/lib/*.c)
TOOL_SOURCES = $(wildcard tests/tools/*.c)

UNIT_TESTS = $(call test_program,$(UNIT_SOURCES))
PROTO_TESTS = $(call test_program,$(PROTO_SOURCES)) $(wildcard tests/proto/*.py tests/proto/*.imap)
SERVER_TESTS = $(wildcard tests/server/*.py)
UI_TESTS = $(wildcard tests/ui/*.screen tests/ui/*.py)
FUZZ_TESTS = $(call test_program,$(FUZZ_SOURCES))
LAYER_TESTS = tests/lib/layers.py
TOOLS = $(call test_program,$(TOOL_SOURCES))

TEST_CPPFLAGS = -Itests $(shell $(PKG_CONFIG) --cflags cmocka)

$(B)/tests/libtest.a: $(LIB_SOURCES:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	$(call say,AR   $(@F)) rm -f $@ && $(AR) rcs $@ $^

$(LIB_SOURCES:%.c=$(B)/%.o): CPPFLAGS += $(TEST_CPPFLAGS)

# $1 source, $2 more objects, $3 packages besides those of the module
define test_rules
$(call test_program,$1): $(B)/$(1:.c=.o) $2 $(call test_objects,$1) $(B)/tests/libtest.a
	@mkdir -p $$(@D)
	$$(call say,LD   $$@) $(CC) $(OUR_CFLAGS) $(CFLAGS) -o $$@ $$^ $(OUR_LDFLAGS) \
		$(LDFLAGS) $$(shell $(PKG_CONFIG) --libs $(call test_pkgs,$1) $3)
$(B)/$(1:.c=.o): CPPFLAGS += $$(TEST_CPPFLAGS) $$(shell $(PKG_CONFIG) --cflags $(call test_pkgs,$1) $3)
endef
# What the terminal makes of what is sent to it, only libvterm tells.
test_libs = cmocka $(if $(filter ui_term ui_gate,$(basename $(notdir $1))),vterm)
$(foreach t,$(UNIT_SOURCES) $(PROTO_SOURCES),$(eval $(call test_rules,$t,,$(call test_libs,$t))))
# A fuzz target defines LLVMFuzzerTestOneInput; the replay main feeds it seeds,
# that of libFuzzer (make fuzz) what it makes of them.
FUZZ_MAIN = $(if $(findstring fuzzer,$(SAN)),,$(B)/tests/lib/fuzz/replay.o)
$(foreach t,$(FUZZ_SOURCES),$(eval $(call test_rules,$t,$(FUZZ_MAIN),)))

# Helpers of the tests that are programs of their own: base and libvterm, and
# the modules that TOOL_USES names.
storedump_USES = store_read ipc
genstore_USES = store_write
tool_modules = $(sort base $(foreach u,$($(basename $(notdir $1))_USES),$(call closure,$u)))
# And what they share with the tests.
genstore_HELPERS = $(B)/tests/lib/genstore.o
define tool_rules
$(call test_program,$1): $(B)/$(1:.c=.o) $($(basename $(notdir $1))_HELPERS) $(foreach m,$(call tool_modules,$1),$(call module_objects,$m))
	@mkdir -p $$(@D)
	$$(call say,LD   $$@) $(CC) $(OUR_CFLAGS) $(CFLAGS) -o $$@ $$^ $(OUR_LDFLAGS) \
		$(LDFLAGS) $$(shell $(PKG_CONFIG) --libs $(sort $(foreach m,$(call tool_modules,$1),$($m_LIBS))) vterm)
endef
$(foreach t,$(TOOL_SOURCES),$(eval $(call tool_rules,$t)))
$(TOOL_SOURCES:%.c=$(B)/%.o): CPPFLAGS += -Itests

# A module with all it may use must link without anything else.
LINK_CHECKS = $(foreach m,$(MODULES),$(if $(call module_sources,$m),$(B)/tests/link/$m))
define link_rules
$(B)/tests/link/$1: $(foreach m,$(call closure,$1),$(call module_objects,$m))
	@mkdir -p $$(@D)
	$$(call say,LINK $1 alone) echo 'int main(void) { return 0; }' | $(CC) -x c - -x none \
		$(OUR_CFLAGS) $(CFLAGS) -Wno-strict-prototypes -o $$@ $$^ $(OUR_LDFLAGS) $(LDFLAGS) \
		$$(shell $(PKG_CONFIG) --libs $(call pkgs,$1))
endef
$(foreach m,$(MODULES),$(eval $(call link_rules,$m)))

# What a test may want to know of the build.
export TERN_BUILD = $(abspath $(B))
export TERN_SAN = $(SAN)
RUN = $(or $(PYTHON),python3) tests/lib/run.py
# For whoever typed just `make demo` or `make check`: all processors.
ALL_MAKE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: check-deps check-all check-unit check-proto check-server check-ui \
	check-fuzz check-layers check-programs bench tools fuzz fuzz-all

check:
	@tests/lib/deps.sh test
	@$(ALL_MAKE) check-programs
	@$(RUN) unit $(UNIT_TESTS) proto $(PROTO_TESTS) server $(SERVER_TESTS) \
		ui $(UI_TESTS) fuzz $(FUZZ_TESTS) layers $(LINK_CHECKS) $(LAYER_TESTS)

# A program or test that does not build fails by itself, below, and is counted.
check-programs: all tools
	@$(MAKE) --no-print-directory -k $(UNIT_TESTS) $(FUZZ_TESTS) \
		$(filter $(B)/%,$(PROTO_TESTS)) $(LINK_CHECKS) || true

tools: $(TOOLS)

check-unit: $(UNIT_TESTS)
	@$(RUN) unit $(UNIT_TESTS)
check-proto: all tools $(filter $(B)/%,$(PROTO_TESTS))
	@$(RUN) proto $(PROTO_TESTS)
check-server: all tools
	@$(RUN) server $(SERVER_TESTS)
check-ui: all tools
	@$(RUN) ui $(UI_TESTS)
check-fuzz: $(FUZZ_TESTS)
	@$(RUN) fuzz $(FUZZ_TESTS)
check-layers: all $(LINK_CHECKS)
	@$(RUN) layers $(LINK_CHECKS) $(LAYER_TESTS)

# Each target for so long, or those of FUZZ="imap_framer mime_header". What is found is in
# build/san-fuzzer-*/found; what the next run begins with, beside the seeds, in corpus.
FUZZ_SECONDS = 180
FUZZ = $(notdir $(FUZZ_TESTS))
FUZZ_CC = clang
fuzz:
	@$(MAKE) --no-print-directory CC="$(FUZZ_CC)" WARN= SAN=fuzzer,address,undefined fuzz-all
fuzz-all: $(FUZZ:%=fuzz-%)
# Debian's libetpan has no frame pointers: who forgot something (lsan.supp) is seen slowly.
fuzz-imap_bodystructure: FUZZ_ASAN = :fast_unwind_on_malloc=0
fuzz-%: $(B)/tests/fuzz/%
	@mkdir -p $(B)/corpus/$* $(B)/found
	@ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1$(FUZZ_ASAN) \
		UBSAN_OPTIONS=print_stacktrace=1 \
		LSAN_OPTIONS=suppressions=tests/lib/lsan.supp:print_suppressions=0 \
		$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=$(B)/found/$*- \
		$(B)/corpus/$* tests/fuzz/seeds/$* >$(B)/found/$*.log 2>&1 || \
		{ tail -n 60 $(B)/found/$*.log; exit 1; }
	@echo "$*: `tail -n 1 $(B)/found/$*.log`"

demo:
	@tests/lib/deps.sh demo
	@$(ALL_MAKE) all
	@$(or $(PYTHON),python3) -B tests/lib/demo.py

bench:
	@tests/lib/deps.sh test
	@$(ALL_MAKE) all tools
	@PYTHONPATH=tests/lib $(or $(PYTHON),python3) tests/bench/bench.py $(BENCH)
