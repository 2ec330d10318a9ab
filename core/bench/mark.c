#include "core/bench/mark.h"

#include <string.h>

#include <uv.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define START "bilge-bench-"
#define LETTERS 8 /* behind it */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

char *mark_make(uint64_t *ret_token)
{
    unsigned char bytes[LETTERS + sizeof *ret_token];
    char text[LETTERS + 1] = "";
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL) != 0) {
        int64_t now = clock_now(); /* still another one for each moment */
        memcpy(bytes, &now, sizeof now);
        memcpy(bytes + LETTERS, &now, sizeof now);
    }
    for (size_t i = 0; i < LETTERS; i++)
        text[i] = letters[bytes[i] % (sizeof letters - 1)];
    memcpy(ret_token, bytes + LETTERS, sizeof *ret_token);
    return mem_printf(START "%s", text);
}

bool mark_is(const char *text)
{
    size_t start = strlen(START);
    return strncmp(text, START, start) == 0 && strspn(text + start, letters) == LETTERS &&
           text[start + LETTERS] == '\0';
}
