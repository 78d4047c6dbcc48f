/*
** url.c
** URLs, as libcurl reads and writes them
*/

#include "url.h"

#include <curl/curl.h>

#include "lauxlib.h"

#include "nomem.h"

#define BOX "avepoint.elements.core.box"

/* Owns what libcurl allocated while it is copied to Lua. */
typedef struct {
  CURLU *url;
  char *text;
} box;

static box *newbox (lua_State *L) {
  box *b = lua_newuserdatauv(L, sizeof(*b), 0);
  b->url = NULL;
  b->text = NULL;
  luaL_setmetatable(L, BOX);
  return b;
}

/* __gc */
static int box_gc (lua_State *L) {
  box *b = luaL_checkudata(L, 1, BOX);
  curl_free(b->text);
  curl_url_cleanup(b->url);
  b->text = NULL;
  b->url = NULL;
  return 0;
}

/*
** core.url(string) --> {scheme=, host=, port=, path=, user=, …}
**                  --> nil, message
** libcurl's own reading of an absolute URL; absent parts are absent.
*/
static int core_url (lua_State *L) {
  static const struct {
    const char *name;
    CURLUPart part;
  } parts[] = {{"scheme", CURLUPART_SCHEME}, {"host", CURLUPART_HOST},
               {"port", CURLUPART_PORT},     {"path", CURLUPART_PATH},
               {"user", CURLUPART_USER},     {"password", CURLUPART_PASSWORD},
               {"query", CURLUPART_QUERY},   {"fragment", CURLUPART_FRAGMENT}};
  const char *s = luaL_checkstring(L, 1);
  box *b = newbox(L);
  CURLUcode rc;
  size_t i;
  b->url = curl_url();
  if (b->url == NULL)
    return no_memory(L);
  rc = curl_url_set(b->url, CURLUPART_URL, s, CURLU_PATH_AS_IS);
  if (rc == CURLUE_OUT_OF_MEMORY)
    return no_memory(L);
  if (rc != CURLUE_OK) {
    luaL_pushfail(L);
    lua_pushliteral(L, "libcurl can't read it");
    return 2;
  }
  lua_newtable(L); /* url, box, parts */
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    rc = curl_url_get(b->url, parts[i].part, &b->text, 0);
    if (rc == CURLUE_OUT_OF_MEMORY)
      return no_memory(L);
    if (rc == CURLUE_OK && b->text != NULL) {
      lua_pushstring(L, b->text);
      lua_setfield(L, -2, parts[i].name);
    }
    curl_free(b->text);
    b->text = NULL;
  }
  curl_url_cleanup(b->url);
  b->url = NULL;
  return 1;
}

/*
** core.escape(string) --> string
** Percent-encodes all but letters, digits and "-._~". Raises on 16 MiB.
*/
static int core_escape (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  box *b;
  luaL_argcheck(L, len < 1 << 24, 1, "too long");
  if (len == 0) { /* libcurl would take 0 for "measure it" */
    lua_pushliteral(L, "");
    return 1;
  }
  b = newbox(L);
  b->text = curl_easy_escape(NULL, s, (int)len);
  if (b->text == NULL)
    return no_memory(L);
  lua_pushstring(L, b->text);
  curl_free(b->text);
  b->text = NULL;
  return 1;
}

static const luaL_Reg box_meta[] = {{"__gc", box_gc}, {NULL, NULL}};

static const luaL_Reg url[] = {
  {"url", core_url}, {"escape", core_escape}, {NULL, NULL}};

void url_open (lua_State *L) {
  luaL_newmetatable(L, BOX);
  luaL_setfuncs(L, box_meta, 0);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, url, 0);
}
