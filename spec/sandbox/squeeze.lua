-- gzip for the sandbox, through the zlib that nginx has loaded, so that a page is compressed once
-- and kept: nginx's own filter would do it again for each answer. Also the cache of those pages.
-- Criteria: a benchmark measures the client, not this server; memory stays bounded.
-- luacheck: std ngx_lua

local ffi = require("ffi")

ffi.cdef [[
   struct sandbox_zstream {
      const char *next_in; unsigned avail_in; unsigned long total_in;
      char *next_out; unsigned avail_out; unsigned long total_out;
      const char *msg; void *state; void *zalloc; void *zfree; void *opaque;
      int data_type; unsigned long adler; unsigned long reserved;
   };
   const char *zlibVersion(void);
   int deflateInit2_(struct sandbox_zstream *z, int level, int method, int bits, int memory, int strategy,
      const char *version, int size);
   int deflateReset(struct sandbox_zstream *z);
   unsigned long deflateBound(struct sandbox_zstream *z, unsigned long size);
   int deflate(struct sandbox_zstream *z, int flush);
]]

local squeeze = {}

local stream = ffi.new("struct sandbox_zstream")
assert(ffi.C.deflateInit2_(stream, 1, 8, 31, 9, 0, ffi.C.zlibVersion(), ffi.sizeof(stream)) == 0)

local buffer, room = nil, 0

--- gzip, level 1.
---@param text string
---@return string
function squeeze.gzip(text)
   ffi.C.deflateReset(stream)
   local need = tonumber(ffi.C.deflateBound(stream, #text)) + 32
   if need > room then
      buffer, room = ffi.new("char[?]", need), need
   end
   stream.next_in, stream.avail_in = text, #text
   stream.next_out, stream.avail_out = buffer, room
   assert(ffi.C.deflate(stream, 4) == 1)
   return ffi.string(buffer, room - stream.avail_out)
end

-- Two generations in place of an LRU list: when the young one is full it becomes the old one.
local HALF = 96 * 1024 * 1024
local young, old, bytes = {}, {}, 0

--- What is kept under a key, if it is.
---@param key string
---@return string?
function squeeze.get(key)
   local text = young[key]
   if not text and old[key] then
      text = old[key]
      squeeze.put(key, text)
   end
   return text
end

---@param key string
---@param text string
function squeeze.put(key, text)
   if bytes > HALF then
      young, old, bytes = {}, young, 0
   end
   young[key], bytes = text, bytes + #text
end

return squeeze
