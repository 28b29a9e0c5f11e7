"""The table of kernel tests: every weight format, on every class of cores, with every shape that may trip a kernel."""
