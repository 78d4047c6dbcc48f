-- nginx's configuration for a sandbox.
-- Criteria: one process (master_process off), so that plain Lua tables are the shared state and no
-- worker can be orphaned; no file outside the folder; nothing logged in the hot path; 127.0.0.1 only.

local keeper = require("spec.sandbox.keeper")

local conf = {}

-- Dies with its shell (PR_SET_PDEATHSIG, for a shell killed hard), and tells the shell when the starter
-- is gone though something else still holds the pipe open.
local TEMPLATE = [[
%(modules)
daemon off;
master_process off;
worker_processes 1;
pid "%(dir)/nginx.pid";
error_log "%(dir)/error.log" warn;
events { worker_connections 1024; }
http {
   lua_package_path "%(root)/?.lua;;";
   lua_check_client_abort on;
   init_by_lua_block {
      local ffi = require("ffi")
      ffi.cdef("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);")
      ffi.C.prctl(1, 9, 0, 0, 0)
      require("spec.sandbox.service").start {
         dir = %(dir_text), client_id = %(client_id), client_secret = %(client_secret), token = %(token),
         nonce = %(nonce), https_port = %(https_port), http_port = %(http_port),
      }
   }
   init_worker_by_lua_block {
      local ffi = require("ffi")
      ffi.cdef("int kill(int, int); int getppid(void);")
      assert(ngx.timer.every(0.5, function()
         if ffi.C.kill(%(starter), 0) ~= 0 then
            ffi.C.kill(ffi.C.getppid(), 10)
         end
      end))
   }
   access_log off;
   server_tokens off;
   default_type application/json;
   client_body_temp_path "%(dir)/body";
   proxy_temp_path "%(dir)/proxy";
   fastcgi_temp_path "%(dir)/fastcgi";
   scgi_temp_path "%(dir)/scgi";
   uwsgi_temp_path "%(dir)/uwsgi";
   client_max_body_size 8m;
   client_body_buffer_size 4m;
   large_client_header_buffers 4 32k;
   keepalive_requests 1000000;
   ssl_session_cache off;
   ssl_certificate "%(dir)/good.pem";
   ssl_certificate_key "%(dir)/good.key";
   ssl_protocols TLSv1.2 TLSv1.3;
%(servers)
}
]]

local SERVER = [[
   server {
      listen 127.0.0.1:%(port)%(ssl);
%(more)
      set $closing "";
      location / {
         content_by_lua_block { require("spec.sandbox.service").answer() }
      }
      location @closing {
         set $closing "1";
         keepalive_timeout 0;
         content_by_lua_block { require("spec.sandbox.service").answer() }
      }
      log_by_lua_block { require("spec.sandbox.service").over() }
   }
]]

local function fill(text, values)
   return (text:gsub("%%%(([%w_]+)%)", function(name)
      return tostring(assert(values[name], name))
   end))
end

--- The nginx program, and the lines that load the Lua module where it is not built in.
---@return string program
---@return string lines
function conf.program()
   local program = os.getenv("SANDBOX_NGINX")
      or keeper.output("PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/local/openresty/nginx/sbin; command -v nginx")
   assert(program ~= "", "the sandbox needs nginx with its Lua module (Debian: nginx-light, libnginx-mod-http-lua)")
   local modules = keeper.output(keeper.quote(program) .. " -V 2>&1"):match("%-%-modules%-path=(%S+)")
   local lines = {}
   for _, name in ipairs { "ndk_http_module.so", "ngx_http_lua_module.so" } do
      local path = (modules or "") .. "/" .. name
      if keeper.read(path) then
         lines[#lines + 1] = "load_module " .. path .. ";"
      end
   end
   return program, table.concat(lines, "\n")
end

--- The configuration's text.
---@param values table  dir, root, modules, starter, the sandbox's ids and secrets, https_port, http_port
---@param extra table<string, integer>  ports of further TLS listeners by the name of their leaf, or "tls11"
---@return string
function conf.text(values, extra)
   local servers = {
      fill(SERVER, { port = values.https_port, ssl = " ssl", more = "" }),
      fill(SERVER, { port = values.http_port, ssl = "", more = "" }),
   }
   for kind, port in pairs(extra) do
      local more = ('ssl_certificate "%s/%s.pem"; ssl_certificate_key "%s/%s.key";'):format(values.dir, kind, values.dir, kind)
      if kind == "tls11" then
         more = "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"
      end
      servers[#servers + 1] = fill(SERVER, { port = port, ssl = " ssl", more = more })
   end
   local all = { servers = table.concat(servers), dir_text = ("%q"):format(values.dir) }
   for _, name in ipairs { "client_id", "client_secret", "token", "nonce" } do
      all[name] = ("%q"):format(values[name])
   end
   return fill(TEMPLATE, setmetatable(all, { __index = values }))
end

return conf
