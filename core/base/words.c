#include "core/base/words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void words_add(struct words *words, const char *text)
{
    mem_reserve((void **)&words->items, &words->cap, words->len + 2, sizeof *words->items);
    words->items[words->len++] = mem_strdup(text);
    words->items[words->len] = NULL;
}

void words_add_all(struct words *words, const char *const *texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        words_add(words, texts[i]);
}

bool words_equal(const struct words *a, const struct words *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

void words_done(struct words *words)
{
    for (size_t i = 0; i < words->len; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct words){0};
}
