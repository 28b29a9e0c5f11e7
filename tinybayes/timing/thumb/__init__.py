"""An interpreter of Thumb code that follows which values are unknown.

``decode`` turns text of a disassembler into rows, the C files run them (``interpreter.h`` says what they keep), and
``library`` compiles and loads the C files.
"""
