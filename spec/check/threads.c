/*
** threads.c
** Lua states in threads of their own, one after the other in each; every
** round begins in all of them at once
**
** threads THREADS STATES SCRIPT ARGUMENT...
*/

#define _GNU_SOURCE

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#define MAX_THREADS 64

static int states;
static pthread_barrier_t together;
static char **script;

static int run (void) {
  lua_State *L = luaL_newstate();
  int i, status = luaL_loadfile(L, script[0]);
  luaL_openlibs(L);
  for (i = 1; script[i] != NULL; i++)
    lua_pushstring(L, script[i]);
  if (status == LUA_OK)
    status = lua_pcall(L, i - 1, 0, 0);
  if (status != LUA_OK)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return status == LUA_OK;
}

static void *work (void *unused) {
  int i;
  for (i = 0; i < states; i++) {
    pthread_barrier_wait(&together);
    if (!run())
      exit(1);
  }
  return unused;
}

int main (int argc, char **argv) {
  pthread_t thread[MAX_THREADS];
  int i, threads;
  if (argc < 4 || (threads = atoi(argv[1])) > MAX_THREADS)
    return 2;
  states = atoi(argv[2]);
  script = argv + 3;
  if (pthread_barrier_init(&together, NULL, (unsigned)threads) != 0)
    return 2;
  for (i = 0; i < threads; i++)
    if (pthread_create(&thread[i], NULL, work, NULL) != 0)
      return 2;
  for (i = 0; i < threads; i++)
    pthread_join(thread[i], NULL);
  return 0;
}
