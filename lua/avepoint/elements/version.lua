-- version: the one place that says which version this is.

return "0.1.0"
