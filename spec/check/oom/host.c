/*
** host.c
** A host program whose n-th allocation fails, for every n until all is well
**
** host WHO HOW FIRST STRIDE STEPS.lua ARGUMENT...
**
** WHO allocates: "lua" (the state's allocator), "core" (the C module's own
** malloc and its kin, renamed to ours when it is built) or "curl" (what
** curl_global_init_mem takes). HOW it fails: "once", "always" (from n on),
** or for Lua "collect" (a single call, which makes Lua collect everything
** and ask again; "once" fails both).
**
** The steps run in a child, or for "curl" in a child each: a parent sees
** signals and hangs, names the step, and goes on with the next one.
*/

#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#define LONGEST_STEP 20.0 /* seconds */
#define HEAD 16           /* bytes before a block, for its size */

/*
** {======================================================================
** The allocator that fails
** =======================================================================
*/

enum who { BY_LUA, BY_CORE, BY_CURL, BY_NOBODY };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum who fails = BY_NOBODY;
static long countdown, width;  /* calls until the first that fails; how many */
static int met;                /* did one fail? */
static long blocks[BY_NOBODY]; /* that each has now */

static int refused (enum who who) {
  int no = 0;
  pthread_mutex_lock(&lock);
  if (who == fails && --countdown <= 0 && countdown > -width)
    no = met = 1;
  pthread_mutex_unlock(&lock);
  return no;
}

static void count (enum who who, int more) {
  pthread_mutex_lock(&lock);
  blocks[who] += more;
  pthread_mutex_unlock(&lock);
}

static void *resize (enum who who, void *old, size_t size) {
  void *block = refused(who) ? NULL : realloc(old, size);
  if (block != NULL && old == NULL)
    count(who, 1);
  return block;
}

static void *zeroed (enum who who, size_t n, size_t size) {
  void *block = resize(who, NULL, n * size);
  return block == NULL ? NULL : memset(block, 0, n * size);
}

static char *duplicate (enum who who, const char *text) {
  size_t size = strlen(text) + 1;
  char *block = resize(who, NULL, size);
  return block == NULL ? NULL : memcpy(block, text, size);
}

static void give_back (enum who who, void *block) {
  if (block != NULL)
    count(who, -1);
  free(block);
}

static void *lua_blocks (void *user, void *old, size_t was, size_t size) {
  (void)user;
  if (size == 0) {
    give_back(BY_LUA, old);
    return NULL;
  }
  if (old != NULL && size <= was) /* Lua counts on that */
    return realloc(old, size);
  return resize(BY_LUA, old, size);
}

/* the core's */
void *oom_malloc (size_t size);
void *oom_calloc (size_t n, size_t size);
void *oom_realloc (void *old, size_t size);
char *oom_strdup (const char *text);
void oom_free (void *block);

void *oom_malloc (size_t size) {
  return resize(BY_CORE, NULL, size);
}

void *oom_calloc (size_t n, size_t size) {
  return zeroed(BY_CORE, n, size);
}

void *oom_realloc (void *old, size_t size) {
  return resize(BY_CORE, old, size);
}

char *oom_strdup (const char *text) {
  return duplicate(BY_CORE, text);
}

void oom_free (void *block) {
  give_back(BY_CORE, block);
}

/* libcurl's */
static void *curl_blocks (size_t size) {
  return resize(BY_CURL, NULL, size);
}

static void *curl_zeroed (size_t n, size_t size) {
  return zeroed(BY_CURL, n, size);
}

static void *curl_resize (void *old, size_t size) {
  return resize(BY_CURL, old, size);
}

static char *curl_duplicate (const char *text) {
  return duplicate(BY_CURL, text);
}

static void curl_give_back (void *block) {
  give_back(BY_CURL, block);
}

/* }====================================================================== */

/*
** {======================================================================
** Steps
** =======================================================================
*/

/* What the parent reads. */
typedef struct {
  long n;      /* of the step that runs */
  long steps;  /* that were tried */
  long failed; /* of them */
  int over;    /* nothing failed in the last one: the end */
} progress;

static progress *shared;
static enum who who;
static long how_many;
static const char *label;

static void complain (const char *what) {
  shared->failed++;
  printf("step %s %ld: %s\n", label, shared->n, what);
  fflush(stdout);
}

static lua_State *new_state (char **argv) {
  lua_State *L = lua_newstate(lua_blocks, NULL);
  int i;
  if (L == NULL || !lua_checkstack(L, 100))
    abort();
  luaL_openlibs(L);
  if (luaL_loadfile(L, argv[0]) == LUA_OK) {
    for (i = 1; argv[i] != NULL; i++)
      lua_pushstring(L, argv[i]);
    if (lua_pcall(L, i - 1, 1, 0) == LUA_OK && lua_istable(L, 1))
      return L;
  }
  fprintf(stderr, "host: %s\n", lua_tostring(L, -1));
  exit(2);
}

/* [steps] --> [steps, what `name` gave]; argument: the value on the top */
static int call (lua_State *L, const char *name, int args, int results) {
  lua_getfield(L, 1, name);
  lua_insert(L, -args - 1);
  if (lua_pcall(L, args, results, 0) == LUA_OK)
    return 1;
  complain(luaL_tolstring(L, -1, NULL));
  return 0;
}

/* The n-th step; the state has the table of steps at 1. */
static void step (lua_State *L, long n) {
  long core;
  int status, failed_one;
  shared->n = n;
  shared->steps++;
  lua_settop(L, 1);
  core = blocks[BY_CORE];
  if (!call(L, "prepare", 0, 1))
    return;
  met = 0;
  countdown = n;
  width = how_many;
  fails = who;
  status = lua_pcall(L, 0, LUA_MULTRET, 0);
  fails = BY_NOBODY;
  failed_one = met;
  lua_pushboolean(L, status == LUA_OK);
  lua_insert(L, 2);
  lua_pushboolean(L, failed_one);
  lua_insert(L, 3);
  if (!call(L, "judge", lua_gettop(L) - 1, 0))
    call(L, "forget", 0, 0);
  lua_settop(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  if (blocks[BY_CORE] != core)
    complain("the core kept memory");
  if (!failed_one)
    shared->over = 1;
}

/* A child of the steps from n on; for libcurl of that one. */
static void child (lua_State *L, long n, long stride) {
  if (who == BY_CURL) {
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_blocks, curl_give_back,
                             curl_resize, curl_duplicate, curl_zeroed))
      abort();
    step(L, n);
    lua_close(L);
    curl_global_cleanup(); /* ours */
    curl_global_cleanup(); /* and the core's, which never does */
    if (blocks[BY_CURL] != 0)
      complain("libcurl kept memory");
    return;
  }
  for (; !shared->over; n += stride)
    step(L, n);
  lua_close(L);
  if (blocks[BY_LUA] != 0 || blocks[BY_CORE] != 0)
    complain("memory is left after lua_close");
}

static double seconds (void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Waits for a child; false where it did not end by itself. */
static int ended_well (pid_t pid) {
  static const struct timespec nap = {0, 500000};
  double since = seconds();
  long seen = shared->steps;
  int status;
  char what[64];
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (shared->steps != seen) {
      seen = shared->steps;
      since = seconds();
    }
    else if (seconds() - since > LONGEST_STEP) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      complain("hangs");
      return 0;
    }
    nanosleep(&nap, NULL);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 1;
  snprintf(what, sizeof(what), "%s %d",
           WIFEXITED(status) ? "exit" : "killed by signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  complain(what);
  return 0;
}

int main (int argc, char **argv) {
  static char name[200];
  lua_State *L;
  long n, stride;
  if (argc < 6)
    return 2;
  who = strcmp(argv[1], "lua") == 0    ? BY_LUA
        : strcmp(argv[1], "core") == 0 ? BY_CORE
                                       : BY_CURL;
  how_many = strcmp(argv[2], "always") == 0                  ? INT32_MAX
             : who == BY_LUA && strcmp(argv[2], "once") == 0 ? 2
                                                             : 1;
  n = atol(argv[3]);
  stride = atol(argv[4]);
  snprintf(name, sizeof(name), "%s %s %s", argv[1], argv[2], argv[6]);
  label = name;
  shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return 2;
  L = new_state(argv + 5);
  while (!shared->over) {
    pid_t pid;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
      child(L, n, stride);
      exit(0); /* and not _exit, for a build that counts coverage */
    }
    if (pid == -1)
      return 2;
    if (!ended_well(pid) || who == BY_CURL)
      n = (shared->n > n ? shared->n : n) + stride;
    if (shared->failed > 20)
      break;
  }
  printf("steps=%ld failed=%ld\n", shared->steps, shared->failed);
  return shared->failed > 0;
}

/* }====================================================================== */
