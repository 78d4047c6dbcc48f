/*
** lines.c
** Counts which lines of lua/ are run; in C, since a hook in Lua would make a
** minute of specs a quarter of an hour. Coroutines inherit such a hook.
**
** lines.start(): hooks the running thread
** lines.write(path): writes "file:line" for each line that was run
*/

#include <stdio.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"

#define MAX_FILES 64
#define MAX_LINES 1024

int luaopen_lines (lua_State *L);

static struct {
  char name[128];
  char run[MAX_LINES];
} files[MAX_FILES];
static int count;

static void on_line (lua_State *L, lua_Debug *ar) {
  int i;
  lua_getinfo(L, "S", ar);
  if (strncmp(ar->source, "@lua/", 5) != 0)
    return;
  for (i = 0; i < count && strcmp(files[i].name, ar->source + 1) != 0; i++)
    continue;
  if (i == MAX_FILES || ar->currentline >= MAX_LINES ||
      strlen(ar->source) > sizeof(files[i].name))
    luaL_error(L, "lines.c: more files or lines than it has room for");
  if (i == count)
    strcpy(files[count++].name, ar->source + 1);
  files[i].run[ar->currentline] = 1;
}

static int start (lua_State *L) {
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return 0;
}

static int write_all (lua_State *L) {
  FILE *file = fopen(luaL_checkstring(L, 1), "w");
  int i, line;
  if (file == NULL)
    return luaL_error(L, "lines.c: can't write");
  for (i = 0; i < count; i++)
    for (line = 0; line < MAX_LINES; line++)
      if (files[i].run[line])
        fprintf(file, "%s:%d\n", files[i].name, line);
  fclose(file);
  return 0;
}

int luaopen_lines (lua_State *L) {
  static const luaL_Reg lines[] = {
    {"start", start}, {"write", write_all}, {NULL, NULL}};
  luaL_newlib(L, lines);
  return 1;
}
