"""FileSet to firmware: tools, CMake, and the sizes of what came out."""
