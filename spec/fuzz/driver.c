/*
** driver.c
** libFuzzer's side of a target: one Lua state, one function of Lua
**
** The function is what the file spec/fuzz/targets/NAME.lua returns, NAME
** being in the variable FUZZ_TARGET. It takes the bytes, says whether they
** were good, and holds the oracle: an error that it raises is a finding.
** Lines of the module that are run count as coverage, as its C does, since
** libFuzzer sees nothing of what an interpreter does.
*/

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#define LINES 16384 /* counters; a hash of the line and the one before */

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

__attribute__((
  section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES];

static lua_State *state;
static unsigned before;       /* the line before this one */
static unsigned long bad = 0; /* inputs that the target refused */

static void on_line (lua_State *L, lua_Debug *at) {
  static const char module[] = "@lua/";
  lua_getinfo(L, "Sl", at);
  if (strncmp(at->source, module, sizeof(module) - 1) == 0) {
    unsigned here =
      (unsigned)at->srclen * 4001u + (unsigned)at->currentline * 17u;
    lines[(here ^ before) % LINES]++;
    before = here >> 1;
  }
}

static int traceback (lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void fail (void) {
  fprintf(stderr, "finding: %s\n", lua_tostring(state, -1));
  abort();
}

/* What is still allocated after this is a leak. */
static void finish (void) {
  printf("refused=%lu\n", bad);
  lua_close(state);
}

int LLVMFuzzerInitialize (int *argc, char ***argv) {
  const char *target = getenv("FUZZ_TARGET");
  (void)argc;
  (void)argv;
  state = luaL_newstate();
  if (state == NULL || target == NULL)
    abort();
  luaL_openlibs(state);
  lua_pushcfunction(state, traceback); /* stays at 1 */
  lua_getglobal(state, "require");
  lua_pushfstring(state, "spec.fuzz.targets.%s", target);
  if (lua_pcall(state, 1, 1, 1) != LUA_OK)
    fail();
  lua_settop(state, 2); /* the function stays at 2 */
  lua_sethook(state, on_line, LUA_MASKLINE, 0);
  atexit(finish);
  return 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  before = 0;
  lua_pushvalue(state, 2);
  lua_pushlstring(state, (const char *)data, size);
  if (lua_pcall(state, 1, 1, 1) != LUA_OK)
    fail();
  bad += !lua_toboolean(state, -1);
  lua_settop(state, 2);
  return 0;
}
