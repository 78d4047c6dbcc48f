/*
** lines.c
** Counts which lines of lua/ a process runs; in C, since a hook in Lua would
** make a minute of specs a quarter of an hour
**
** count_lines(path): the file has a record for each file of lua/ and is mapped
** here, as in every other process that counts: what was run is there however
** the process ends. Coroutines inherit the hook, and debug.sethook() gives it
** back.
*/

#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua.h"

#include "lauxlib.h"

int count_lines (lua_State *L);

typedef struct {
  char name[128];
  char run[1024]; /* by line */
} record;

static record *records;
static size_t count;

static void on_line (lua_State *L, lua_Debug *ar) {
  size_t i;
  lua_getinfo(L, "S", ar);
  if (strncmp(ar->source, "@lua/", 5) != 0)
    return;
  for (i = 0; i < count && strcmp(records[i].name, ar->source + 1) != 0; i++)
    continue;
  if (i < count && ar->currentline < (int)sizeof(records[i].run))
    records[i].run[ar->currentline] = 1;
}

static void start (lua_State *L) {
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
}

/* debug.sethook; "external hook" is what debug.gethook says of ours */
static int sethook (lua_State *L) {
  const char *hook = lua_tostring(L, 1);
  if (lua_isnoneornil(L, 1) ||
      (hook != NULL && strcmp(hook, "external hook") == 0)) {
    start(L);
    return 0;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

static void map (lua_State *L, const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat st;
  void *at = MAP_FAILED;
  if (fd != -1 && fstat(fd, &st) == 0)
    at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
              0);
  if (at == MAP_FAILED)
    luaL_error(L, "lines.c: can't map %s", path);
  close(fd);
  records = at;
  count = (size_t)st.st_size / sizeof(record);
}

int count_lines (lua_State *L) {
  map(L, luaL_checkstring(L, 1));
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "sethook");
  lua_pushcclosure(L, sethook, 1);
  lua_setfield(L, -2, "sethook");
  unsetenv("LUA_INIT_5_4"); /* which led here; programs that we start shan't */
  start(L);
  return 0;
}
