"""What a file may claim; checked before anything is allocated. Far above any microcontroller, far below a bomb."""

MAX_HEADER_BYTES = 1 << 20
"""JSON header, unpacked."""

MAX_PAYLOAD_BYTES = 1 << 24
"""All stored weights, biases, factors and indices."""

MAX_WEIGHTS = 1 << 24
"""Elements of all weight tensors together, zeros included."""

MAX_DENSE_WEIGHTS = 1 << 26
"""Elements of one weight tensor before its dead rows and columns were removed."""

MAX_ELEMENTS = 1 << 24
"""Elements of one activation."""

MAX_ENTRIES = 4096
"""Tensors, and operators."""

MAX_WINDOW = 1 << 16
"""Stride and padding of a convolution, and ends and counts of windows that differ, in elements."""
