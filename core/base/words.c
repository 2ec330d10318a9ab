#include "core/base/words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void words_put(struct words *words, char *takes)
{
    mem_reserve((void **)&words->items, &words->cap, words->len + 2, sizeof *words->items);
    words->items[words->len++] = takes;
    words->items[words->len] = NULL;
}

void words_add(struct words *words, const char *text)
{
    words_put(words, mem_strdup(text));
}

void words_add_all(struct words *words, const char *const *texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        words_add(words, texts[i]);
}

void words_add_option(struct words *words, const char *name, const char *value)
{
    if (value[0] == '-') {
        words_put(words, mem_printf("%s=%s", name, value));
        return;
    }
    words_add(words, name);
    words_add(words, value);
}

void words_add_operands(struct words *words, const char *const *texts, size_t len)
{
    bool dash = false;
    for (size_t i = 0; i < len; i++)
        dash |= texts[i][0] == '-';
    if (dash)
        words_add(words, "--");
    words_add_all(words, texts, len);
}

bool words_has(const struct words *words, const char *text)
{
    for (size_t i = 0; i < words->len; i++)
        if (strcmp(words->items[i], text) == 0)
            return true;
    return false;
}

char *words_take(struct words *words, size_t index)
{
    char *taken = words->items[index];
    memmove(words->items + index, words->items + index + 1,
            (words->len - index) * sizeof *words->items);
    words->len--;
    return taken;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void words_sort(struct words *words)
{
    if (words->len > 1)
        qsort(words->items, words->len, sizeof *words->items, by_bytes);
}

bool words_find(const struct words *words, const char *text)
{
    return words->len > 0 &&
           bsearch(&text, words->items, words->len, sizeof *words->items, by_bytes) != NULL;
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
