#include "core/oci/digest.h"

#include <string.h>

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* 1 + the value of a lower-case hex digit, 0 for anything else: a scan reads
 * each name in a directory by this. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool digest_parse_hex(const char *hex, struct digest *ret_digest)
{
    struct digest digest;
    for (size_t i = 0; i < sizeof digest.bytes; i++) {
        unsigned high = hex_values[(uint8_t)hex[2 * i]];
        unsigned low = high == 0 ? 0 : hex_values[(uint8_t)hex[2 * i + 1]];
        if (low == 0)
            return false;
        digest.bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    if (hex[2 * sizeof digest.bytes] != '\0')
        return false;
    *ret_digest = digest;
    return true;
}

bool digest_parse(const char *text, struct digest *ret_digest)
{
    return strncmp(text, "sha256:", 7) == 0 && digest_parse_hex(text + 7, ret_digest);
}

const char *digest_hex(char out[DIGEST_HEX_SIZE], const struct digest *digest)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof digest->bytes; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[DIGEST_HEX_SIZE - 1] = '\0';
    return out;
}

const char *digest_text(char out[DIGEST_TEXT_SIZE], const struct digest *digest)
{
    memcpy(out, "sha256:", 7);
    digest_hex(out + 7, digest);
    return out;
}
