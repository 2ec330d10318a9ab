#include "core/base/base64.h"

#include <stdint.h>
#include <string.h>

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, struct buf *buf)
{
    size_t len = strlen(text), before = buf->len;
    if (len % 4 != 0)
        return false;
    buf_append(buf, "", 0);
    for (size_t i = 0; i < len; i += 4) {
        size_t padding = i + 4 < len || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (size_t j = 0; j < 4; j++) {
            int value = j < 4 - padding ? value_of(text[i + j]) : 0;
            if (value < 0) {
                buf->len = before;
                buf->data[before] = '\0';
                return false;
            }
            bits = bits << 6 | (uint32_t)value;
        }
        char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8 & 0xff), (char)(bits & 0xff)};
        buf_append(buf, bytes, 3 - padding);
    }
    return true;
}
