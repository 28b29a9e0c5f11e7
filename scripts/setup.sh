#!/bin/sh
# Installs everything that tinybayes needs on a Debian machine: tools from Debian, Python packages into .venv.
# What is there already is left alone, so a second run is quick.
set -eu
cd "$(dirname "$0")/.."

need() { # need COMMAND PACKAGE...: remembers the packages where the command is missing
    command -v "$1" >/dev/null 2>&1 || { shift; missing="$missing $*"; }
}
missing=""
need arm-none-eabi-gcc gcc-arm-none-eabi binutils-arm-none-eabi libnewlib-arm-none-eabi
need qemu-system-arm qemu-system-arm
need cmake cmake
need ninja ninja-build
need gcc gcc libc6-dev
need g++ g++
need clang-format clang-format
need clang clang libclang-rt-14-dev
need npm npm
need openocd openocd
need ser2net ser2net
need python3 python3 python3-venv
[ -e /usr/lib/arm-none-eabi/newlib/libc.a ] || missing="$missing libnewlib-arm-none-eabi"
python3 -c "import ensurepip" >/dev/null 2>&1 || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    echo "installing:$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    $as_root apt-get update -q
    # shellcheck disable=SC2086 # the list is meant to be split
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing
fi

# Disassembles what the Cortex-M55 adds; without it all else works, and `tinybayes doctor` says what is missing.
if ! command -v llvm-objdump-22 >/dev/null 2>&1; then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    $as_root apt-get update -q
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends llvm-22 ||
        echo "llvm-22 cannot be installed here: Cortex-M55 code will not be timed"
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
# The pinned version keeps figures comparable; any torch within pyproject's range works.
.venv/bin/python -c "import torch" >/dev/null 2>&1 || .venv/bin/pip install -q "torch==2.13.0"
.venv/bin/pip install -q -e ".[train,dev]"
