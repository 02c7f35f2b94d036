# One Makefile, not recursive. `make` builds, `make check` runs every test,
# `make demo` opens tern on a sample mailbox, `make install` installs, `make
# uninstall` takes that away.
# Options: DEVELOPER=1 (warnings are errors), SAN=address,undefined, V=1.
# A new file in a module's directory is found by itself.

VERSION = 0.1.0

prefix = /usr/local
bindir = $(prefix)/bin
libexecdir = $(prefix)/libexec/tern
mandir = $(prefix)/share/man

CC = gcc
AR = gcc-ar
PKG_CONFIG = pkg-config
CFLAGS = -O2 -g
-include build/config.mak

ifdef SAN
B = build/san-$(subst $(comma),-,$(SAN))
SAN_FLAGS = -fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# As one library, as clang has it: of two, the second reports to the terminal alone, and
# not into the file that the tests look at.
SAN_LIBS = $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
else
B = build
endif
comma = ,

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wno-unused-parameter -Wformat=2
ifdef DEVELOPER
WARN += -Werror
endif
CPPFLAGS += -D_GNU_SOURCE -Iinclude -I$(B)/include
OUR_CFLAGS = -std=gnu11 -fno-strict-aliasing -fstack-protector-strong $(WARN) $(SAN_FLAGS)
OUR_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN_FLAGS) $(SAN_LIBS)

# --- The modules: what each uses (directly), and which libraries it sees. ----

base_USES =
base_LIBS = libutf8proc
ipc_USES = base
net_USES = base
net_LIBS = openssl zlib
mime_USES = base
config_USES = base
store_read_USES = base
store_read_LIBS = lmdb
store_write_USES = store_read base
imap_USES = net mime ipc base
imap_LIBS = libetpan libgsasl
thread_USES = base
pattern_USES = base
model_USES = store_read thread pattern ipc base
ui_USES = base
ui_LIBS = ncursesw
view_USES = model ui config pattern base
cmd_USES = view model ui config pattern ipc base
session_USES = store_write thread net ipc base
worker_USES = imap net mime ipc base
worker_LIBS = libseccomp
render_USES = mime ipc base
render_LIBS = libseccomp gumbo
tern_USES = cmd view ui model config store_read thread pattern ipc base

MODULES = base ipc net mime config store_read store_write imap thread pattern \
	model ui view cmd session worker render tern
store_read_DIR = src/store/read
store_write_DIR = src/store/write

# --- The programs: a module with its main.c -------------------------------

PROGRAMS = tern tern-session tern-imap tern-render
tern_MODULE = tern
tern-session_MODULE = session
tern-imap_MODULE = worker
tern-render_MODULE = render

# --- Rules -----------------------------------------------------------------

closure = $(sort $1 $(foreach u,$($1_USES),$(call closure,$u)))
# in link order: users before what they use
link_order = $(foreach m,tern cmd view model session worker render imap net ui config \
	thread pattern store_write store_read mime ipc base,$(filter $m,$1))
archives = $(foreach m,$(call link_order,$(call closure,$1)),$(B)/lib$m.a)
pkgs = $(sort $(foreach m,$(call closure,$1),$($m_LIBS)))

module_dir = $(or $($1_DIR),src/$1)
module_sources = $(filter-out %/main.c,$(wildcard $(call module_dir,$1)/*.c))
module_objects = $(patsubst %.c,$(B)/%.o,$(call module_sources,$1))

BUILT = $(foreach p,$(PROGRAMS),$(if $(wildcard src/$($p_MODULE)/main.c),$(B)/$p))

all: $(BUILT) tern-link
.PHONY: all tern-link clean distclean check demo install uninstall man FORCE

tern-link: $(BUILT)
	@test ! -e $(B)/tern || ln -sf $(B)/tern tern

Q = $(if $(V),,@)
say = $(if $(V),,@echo "  $1";)

define module_rules
$(B)/lib$1.a: $$(call module_objects,$1) | $(B)/.dir
	$$(call say,AR   lib$1.a) rm -f $$@ && $(AR) rcs $$@ $$(call module_objects,$1)
$(call module_objects,$1): CPPFLAGS += $$(if $$($1_LIBS),$$(shell $(PKG_CONFIG) --cflags $$($1_LIBS)))
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$m)))

define program_rules
$(B)/$1: $(B)/src/$($1_MODULE)/main.o $$(call archives,$($1_MODULE))
	$$(call say,LD   $1) $(CC) $(OUR_CFLAGS) $(CFLAGS) -o $$@ $$< $$(call archives,$($1_MODULE)) \
		$(OUR_LDFLAGS) $(LDFLAGS) $$(shell $(PKG_CONFIG) --libs $$(call pkgs,$($1_MODULE)))
$(B)/src/$($1_MODULE)/main.o: CPPFLAGS += $$(if $$($($1_MODULE)_LIBS),$$(shell $(PKG_CONFIG) --cflags $$($($1_MODULE)_LIBS)))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$p)))

$(B)/%.o: %.c $(B)/include/tern/have.h Makefile $(wildcard build/config.mak)
	@mkdir -p $(@D)
	$(call say,CC   $<) $(CC) -include tern/base/banned.h $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/.dir:
	@mkdir -p $(B) && touch $@

# The tables of the manual come from the source: `make man` after a change to them.
$(B)/tern-doc: $(B)/src/cmd/doc/main.o $(call archives,cmd)
	$(call say,LD   tern-doc) $(CC) $(OUR_CFLAGS) $(CFLAGS) -o $@ $< $(call archives,cmd) \
		$(OUR_LDFLAGS) $(LDFLAGS) $(shell $(PKG_CONFIG) --libs $(call pkgs,cmd))
man: $(B)/tern-doc
	for page in tern.1 ternrc.5; do \
		$(B)/tern-doc man/$$page >$(B)/$$page && mv $(B)/$$page man/$$page || exit; \
	done

# Written anew only when it changes, so that nothing is compiled for nothing.
$(B)/include/tern/have.h: FORCE
	@mkdir -p $(@D)
	@test ! -d $(B)/tern || rm -r $(B)/tern
	@printf '%s\n' '#define TERN_VERSION "$(VERSION)"' \
		'#define TERN_LIBEXECDIR "$(libexecdir)"' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

-include $(shell test -d $(B)/src && find $(B) -name '*.d')

# Last: it is made of what stands above.
-include tests/tests.mak

# What configure chose outlives `make clean`.
clean:
	rm -rf tern $(filter-out build/config.mak,$(wildcard build/* build/.dir))
distclean:
	rm -rf build tern configure config.log config.status autom4te.cache

HELPERS = $(filter-out $(B)/tern,$(BUILT))
install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5
	install $(B)/tern $(DESTDIR)$(bindir)/tern
	install $(HELPERS) $(DESTDIR)$(libexecdir)
	install -m 644 man/tern.1 $(DESTDIR)$(mandir)/man1/
	install -m 644 man/ternrc.5 $(DESTDIR)$(mandir)/man5/
uninstall:
	rm -f $(DESTDIR)$(bindir)/tern $(addprefix $(DESTDIR)$(libexecdir)/,$(notdir $(HELPERS))) \
		$(DESTDIR)$(mandir)/man1/tern.1 $(DESTDIR)$(mandir)/man5/ternrc.5
	! test -d $(DESTDIR)$(libexecdir) || rmdir $(DESTDIR)$(libexecdir)
