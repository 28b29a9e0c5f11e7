/**
 * @file
 * Receptive fields copied side by side ("im2col"), so that a dense convolution reads rows of constant stride.
 *
 * A copy costs each activation once for all output channels. It brings the zeros of a padded border along, so that
 * the map itself needs no margins, and it puts every field at an aligned address.
 */
#ifndef TB_PATCH_H
#define TB_PATCH_H

#include "tb_arith.h"

/** How receptive fields lie in the input map. Bytes are activations. */
struct tb_patch {
    uint32_t height, width, channels; /**< of the input map, which has no margins */
    uint32_t kernel_height, kernel_width;
    uint32_t stride_height, stride_width;
    uint32_t top, left; /**< zeros before the map's first row and column */
    bool clipped;       /**< some field reaches past the map's border */
    bool aligned;       /**< the map starts at a multiple of 4, and so does each of its columns */
    uint32_t bytes;     /**< of a field, rounded up to a multiple of 4 */
};

/** Four bytes at an aligned address. */
typedef uint32_t __attribute__((may_alias)) tb_word;

#if defined(__OPTIMIZE__) && defined(__ARM_FEATURE_MVE)
/** Whether a copy of `count` bytes is worth a loop of vectors, which switches off what lies behind the last byte. */
#define TB_PATCH_VECTORS(count) (!__builtin_constant_p(count) || (count) >= 8U)

TB_INLINE void tb_mve_copy(uint8_t *to, const uint8_t *from, uint32_t count)
{
    __asm__ volatile("wlstp.8 lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[from]], #16\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [count] "r"(count)
                     : "lr", "q0", "cc", "memory");
}

TB_INLINE void tb_mve_zero(uint8_t *to, uint32_t count)
{
    __asm__ volatile("vmov.i8 q0, #0\n\t"
                     "wlstp.8 lr, %[count], 2f\n"
                     "1:\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [to] "+r"(to)
                     : [count] "r"(count)
                     : "lr", "q0", "cc", "memory");
}

#endif

/** Copies `count` bytes; several are read before they are written, as loads behind each other are faster. */
TB_INLINE void tb_patch_copy(uint8_t *to, const uint8_t *from, uint32_t count, bool aligned)
{
#if defined(TB_PATCH_VECTORS)
    if (TB_PATCH_VECTORS(count)) {
        tb_mve_copy(to, from, count);
        return;
    }
#endif
    if (aligned) {
        const tb_word *source = (const tb_word *)(const void *)from;
        tb_word *target = (tb_word *)(void *)to;
        uint32_t left = count / 4U;
        for (; left >= 4U; left -= 4U, source += 4, target += 4) {
            const tb_word words[4] = {source[0], source[1], source[2], source[3]};
            target[0] = words[0];
            target[1] = words[1];
            target[2] = words[2];
            target[3] = words[3];
        }
        for (; left > 0U; left--) {
            *target++ = *source++;
        }
    } else {
        for (; count >= 4U; count -= 4U, from += 4, to += 4) {
            const uint8_t bytes[4] = {from[0], from[1], from[2], from[3]};
            to[0] = bytes[0];
            to[1] = bytes[1];
            to[2] = bytes[2];
            to[3] = bytes[3];
        }
        for (; count > 0U; count--) {
            *to++ = *from++;
        }
    }
}

/** Writes `count` zeros; a function of its own, as border fields are few, and the loops around need the registers. */
__attribute__((noinline, unused)) static void tb_zero_bytes(uint8_t *to, uint32_t count)
{
    for (; count > 0U && ((uintptr_t)to & 3U) != 0U; count--) {
        *to++ = 0;
    }
    for (; count >= 4U; count -= 4U, to += 4) {
        *(tb_word *)(void *)to = 0;
    }
    for (; count > 0U; count--) {
        *to++ = 0;
    }
}

/** Writes `count` zeros. */
TB_INLINE void tb_patch_zero(uint8_t *to, uint32_t count)
{
#if defined(TB_PATCH_VECTORS)
    if (TB_PATCH_VECTORS(count)) {
        tb_mve_zero(to, count);
        return;
    }
#endif
    if (!__builtin_constant_p(count) || count > 0U) {
        tb_zero_bytes(to, count);
    }
}

/** Copies the receptive field of the convolution's output position (`row`, `column`). */
TB_INLINE void tb_patch_fill(const struct tb_patch *patch, const uint8_t *input, uint32_t row, uint32_t column,
                             uint8_t *to)
{
    const uint32_t columns = patch->kernel_width * patch->channels;
    const uint32_t stride = patch->width * patch->channels;
    if (!patch->clipped) {
        input += row * patch->stride_height * stride + column * patch->stride_width * patch->channels;
        for (uint32_t segment = 0; segment < patch->kernel_height; segment++) {
            tb_patch_copy(to, input, columns, patch->aligned);
            to += columns;
            input += stride;
        }
    } else {
        /* Differences below zero wrap to large numbers, so that one comparison finds both ends of the map. */
        const uint32_t left = column * patch->stride_width;
        const uint32_t before =
            left < patch->left ? (uint32_t)tb_min((int32_t)(patch->left - left), (int32_t)patch->kernel_width) : 0U;
        /* A field may lie behind the map as a whole, where the padding is wider than the kernel. */
        const int32_t reach = tb_min((int32_t)(patch->width + patch->left - left), (int32_t)patch->kernel_width);
        const uint32_t end = (uint32_t)tb_max(reach, 0);
        for (uint32_t segment = 0; segment < patch->kernel_height; segment++) {
            const uint32_t y = row * patch->stride_height + segment - patch->top;
            uint32_t done = 0;
            if (y < patch->height && before < end) {
                const uint8_t *from = input + y * stride + (left + before - patch->left) * patch->channels;
                tb_patch_zero(to, before * patch->channels);
                tb_patch_copy(to + before * patch->channels, from, (end - before) * patch->channels, patch->aligned);
                done = end * patch->channels;
            }
            tb_patch_zero(to + done, columns - done);
            to += columns;
        }
    }
    tb_patch_zero(to, patch->bytes - patch->kernel_height * columns);
}

#endif
