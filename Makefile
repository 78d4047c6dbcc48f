# avepoint-elements. `make` builds the C module under build/; `make help` lists
# the rest. Lua and libcurl are found by pkg-config; where they are elsewhere:
# make LUA_INCDIR=/opt/lua/include CURL_DIR=/opt/curl
PREFIX    ?= /usr/local
LUA_SHARE ?= $(PREFIX)/share/lua/5.4
LUA_LIB   ?= $(PREFIX)/lib/lua/5.4
CFLAGS    ?= -O2 -g
WARNINGS   = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wcast-qual -Wwrite-strings -Wundef
BUILD      = build
CORE       = $(BUILD)/avepoint/elements/core.so
CLI        = lua/avepoint/elements/cli/avepoint-users
SRC        = $(sort $(wildcard src/*.c))
LUA       ?= $(or $(shell for l in lua5.4 lua-5.4 lua54 lua; do \
             command -v $$l && exit; done),lua5.4)

LUA_INC  = $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell \
           for p in lua5.4 lua-5.4 lua54 lua; do pkg-config --cflags \
           "$$p >= 5.4 $$p < 5.5" 2>/dev/null && exit; done))
CURL_INC = $(if $(CURL_DIR),$(or $(patsubst %,-I$(CURL_DIR)/include,$(wildcard \
           $(CURL_DIR)/include/curl/curl.h)),$(error no include/curl/curl.h in CURL_DIR)),$(shell \
           pkg-config --cflags libcurl 2>/dev/null || curl-config --cflags 2>/dev/null))
CURL_LIB = $(if $(CURL_DIR),-L$(CURL_DIR)/lib -lcurl \
           -Xlinker -rpath=$(CURL_DIR)/lib,$(or $(shell \
           pkg-config --libs libcurl 2>/dev/null || curl-config --libs 2>/dev/null),-lcurl))
# glibc warns of FORTIFY without -O, and a distribution may bring its own level
OPTIMIZED = $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
FORTIFY   = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,$(if \
            $(OPTIMIZED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
COMPILE   = $(CC) -std=c99 -fPIC -fvisibility=hidden $(FORTIFY) \
            -fstack-protector-strong -Wformat=2 -Werror=format-security \
            $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(LUA_INC) $(CURL_INC)
LINK      = -shared -Wl,-z,relro,-z,now,-z,nodelete $(LDFLAGS) $(CURL_LIB) -ldl -pthread

# the checkout's modules come first, whatever the caller's Lua is set to
export LUA_PATH  := lua/?.lua;lua/?/init.lua;./?.lua;$(or $(LUA_PATH_5_4),$(LUA_PATH));;
export LUA_CPATH := $(BUILD)/?.so;$(or $(LUA_CPATH_5_4),$(LUA_CPATH));;
unexport LUA_PATH_5_4 LUA_CPATH_5_4 LUA_INIT LUA_INIT_5_4
export AVEPOINT_BUILD := $(BUILD)

all: $(CORE) ## build build/avepoint/elements/core.so (the default)
test: ## build and run every spec (ARGS='spec/x_spec.lua' for one)
run: ## run the command from here (ARGS='list --help')
demo: ## run the command against a sandbox tenant: a table, then CSV
bench: ## measure the README's figures
check: ## all the long checks, half an hour (ARGS='oom soak' for some)
lint: ## luacheck, clang-format, luarocks lint, gcc and clang without a warning
release: ## write rockspec and rock of the version under build/, and tag it
# what needs packages installs them first, then starts make anew to find them
test run demo bench lint release:
	@.ci/deps $@
	@$(MAKE) --no-print-directory run-$@
# all of them in two halves side by side, since they wait most of the time
HALF-1 = $(wildcard $(patsubst %,spec/%_spec.lua,dispatch host interrupt promises transport wait))
HALF-2 = $(filter-out $(HALF-1),$(sort $(shell find spec -name '*_spec.lua')))
run-test: $(CORE)
	$(if $(ARGS),busted --lua=$(LUA) $(ARGS),@echo "two minutes, in two halves: what each says comes at its end"; \
	  $(MAKE) --no-print-directory -k -j2 -O half-1 half-2)
half-1 half-2:
	@busted --lua=$(LUA) $($(subst half,HALF,$@))
# standard output is the command's alone
run-run:
	@$(MAKE) --no-print-directory -s all >&2
	@LUA=$(LUA) $(CLI) $(ARGS)
run-demo: $(CORE)
	@LUA=$(LUA) $(LUA) spec/demo.lua
run-bench: $(CORE)
	@$(LUA) spec/bench/bench.lua $(ARGS)
run-release:
	@.ci/release
# what each of the long checks tries is said at the head of spec/check/NAME.lua
CHECKS = check compat asan valgrind tsan oom sweep fuzz coverage mutation soak
$(CHECKS):
	@.ci/deps check
	@$(MAKE) --no-print-directory run-check-$@
chroot: ## as root: what the README's Install says, in a new Debian 12
	@.ci/deps demo release chroot
	@$(MAKE) --no-print-directory run-check-chroot
$(CHECKS:%=run-check-%) run-check-chroot: run-check-%: $(CORE)
	@LUA='$(LUA)' $(LUA) spec/check/$*.lua $(ARGS)
run-lint:
	@COMPILE='$(filter-out $(CC),$(COMPILE))' .ci/lint

# linked aside and renamed: several makes at a time never see half a library
$(CORE): $(SRC) $(wildcard src/*.h) $(BUILD)/flags
	$(info $(COMPILE) $(SRC) -o $@ $(LINK))
	@mkdir -p $(@D); $(COMPILE) $(SRC) -o $@.$$$$ $(LINK) && mv -f $@.$$$$ $@ || { \
	  rm -f $@.$$$$; echo "where packages are missing: make deps" >&2; exit 1; }
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(COMPILE) $(SRC) $(LINK)' >$@.$$$$; \
	if cmp -s $@.$$$$ $@; then rm -f $@.$$$$; else mv -f $@.$$$$ $@; fi

deps: ## install what building and testing needs (FOR='demo' for a part)
	@.ci/deps $(FOR)
install: $(CORE) ## copy module and command to PREFIX (/usr/local), under DESTDIR
	@set -e; umask 022; for f in $$(cd lua && find . -name '*.lua'); do \
	  install -D -m 644 "lua/$$f" "$(DESTDIR)$(LUA_SHARE)/$$f"; done; \
	install -D -m 755 $(CORE) "$(DESTDIR)$(LUA_LIB)/avepoint/elements/core.so"; \
	install -D -m 755 $(CLI) "$(DESTDIR)$(PREFIX)/bin/avepoint-users"
uninstall: ## remove what install copied
	rm -rf "$(DESTDIR)$(LUA_SHARE)/avepoint/elements" "$(DESTDIR)$(LUA_SHARE)/avepoint/elements.lua" \
	  "$(DESTDIR)$(LUA_LIB)/avepoint/elements" "$(DESTDIR)$(PREFIX)/bin/avepoint-users"
	@rmdir "$(DESTDIR)$(LUA_SHARE)/avepoint" "$(DESTDIR)$(LUA_LIB)/avepoint" 2>/dev/null || :
clean: ## remove build/
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 16
FORCE:
.PHONY: all test run demo bench lint release deps install uninstall clean help \
        FORCE half-1 half-2 run-test run-run run-demo run-bench run-lint run-release \
        $(CHECKS) $(CHECKS:%=run-check-%) chroot run-check-chroot
