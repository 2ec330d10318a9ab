#include "core/base/strlist.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void strlist_put(struct strlist *words, char *takes)
{
    mem_reserve((void **)&words->items, &words->cap, words->len + 2, sizeof *words->items);
    words->items[words->len++] = takes;
    words->items[words->len] = NULL;
}

void strlist_add(struct strlist *words, const char *text)
{
    strlist_put(words, mem_strdup(text));
}

void strlist_add_all(struct strlist *words, const char *const *texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        strlist_add(words, texts[i]);
}

void words_add_option(struct strlist *words, const char *name, const char *value)
{
    if (value[0] == '-') {
        strlist_put(words, mem_printf("%s=%s", name, value));
        return;
    }
    strlist_add(words, name);
    strlist_add(words, value);
}

void words_add_operands(struct strlist *words, const char *const *texts, size_t len)
{
    bool dash = false;
    for (size_t i = 0; i < len; i++)
        dash |= texts[i][0] == '-';
    if (dash)
        strlist_add(words, "--");
    strlist_add_all(words, texts, len);
}

bool strlist_has(const struct strlist *words, const char *text)
{
    for (size_t i = 0; i < words->len; i++)
        if (strcmp(words->items[i], text) == 0)
            return true;
    return false;
}

char *strlist_take(struct strlist *words, size_t index)
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

void strlist_sort(struct strlist *words)
{
    if (words->len > 1)
        qsort(words->items, words->len, sizeof *words->items, by_bytes);
}

bool strlist_find(const struct strlist *words, const char *text)
{
    return words->len > 0 &&
           bsearch(&text, words->items, words->len, sizeof *words->items, by_bytes) != NULL;
}

bool strlist_equal(const struct strlist *a, const struct strlist *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

void strlist_done(struct strlist *words)
{
    for (size_t i = 0; i < words->len; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct strlist){0};
}
