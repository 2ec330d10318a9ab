/* A list of texts of its own, with a NULL behind the last one, as execve(2)
 * takes it. All zero is an empty one. */
#ifndef BILGE_BASE_WORDS_H
#define BILGE_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    char **items; /* NULL when empty */
    size_t len, cap;
};

void words_add(struct words *words, const char *text);
void words_add_all(struct words *words, const char *const *texts, size_t len);
/* The items as a function takes them that changes none. */
static inline const char *const *words_texts(const struct words *words)
{
    return (const char *const *)words->items;
}
/* The same texts in the same order? */
bool words_equal(const struct words *a, const struct words *b);
void words_done(struct words *words);

#endif
