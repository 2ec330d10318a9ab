/* Strings as they stand in the text, and what they mean. */
#include <string.h>
#include <strings.h>

#include "core/cache/pull_private.h"

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int pull_hex4(const char *at, const char *end)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_value(at[i]) : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* UTF-8 of one \u escape; pairs of surrogates stand for nothing that is asked
 * for here, and become '?'. */
static size_t put_utf8(char out[3], int value)
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value >= 0xD800 && value < 0xE000) {
        out[0] = '?';
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xC0 | value >> 6);
        out[1] = (char)(0x80 | (value & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | value >> 12);
    out[1] = (char)(0x80 | (value >> 6 & 0x3F));
    out[2] = (char)(0x80 | (value & 0x3F));
    return 3;
}

/* One character of the string, without its escape. *at moves on. */
static size_t take_character(const char **at, const char *end, char out[3])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    char c = (*at)[1];
    *at += 2;
    if (c == 'u') {
        int value = pull_hex4(*at, end);
        *at += 4;
        return put_utf8(out, value);
    }
    const char *found = strchr(from, c);
    out[0] = found != NULL ? to[found - from] : c;
    return 1;
}

bool pull_copy(const struct pull_text *text, char *out, size_t size)
{
    const char *at = text->at, *end = at + text->len;
    size_t len = 0;
    if (!text->escaped && text->len < size && memchr(at, '\0', text->len) == NULL) {
        memcpy(out, at, text->len);
        out[text->len] = '\0';
        return true;
    }
    while (at < end) {
        char piece[3];
        size_t piece_len = take_character(&at, end, piece);
        if (len + piece_len >= size || piece[0] == '\0')
            break;
        memcpy(out + len, piece, piece_len);
        len += piece_len;
        if (at == end) {
            out[len] = '\0';
            return true;
        }
    }
    out[len] = '\0';
    return text->len == 0;
}

bool pull_is(const struct pull_text *text, const char *word)
{
    char plain[128];
    if (!text->escaped)
        return text->len == strlen(word) && strncasecmp(text->at, word, text->len) == 0;
    return pull_copy(text, plain, sizeof plain) && strcasecmp(plain, word) == 0;
}
