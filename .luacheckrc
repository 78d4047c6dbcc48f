std = "lua54"
max_line_length = 130
self = false
exclude_files = { "build" }

files["spec/**/*_spec.lua"] = { std = "+busted" }

-- Some of it runs in nginx, in LuaJIT with nginx's API, some under 5.4, some
-- under both.
files["spec/sandbox"] = { std = "max", globals = { "ngx" } }
