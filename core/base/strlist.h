/* A list of texts of its own, with a NULL behind the last one, as execve(2)
 * takes it. All zero is an empty one. */
#ifndef BILGE_BASE_STRLIST_H
#define BILGE_BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

struct strlist {
    char **items; /* NULL when empty */
    size_t len, cap;
};

/* Copies the text. */
void strlist_add(struct strlist *words, const char *text);
/* Takes the text. */
void strlist_put(struct strlist *words, char *takes);
void strlist_add_all(struct strlist *words, const char *const *texts, size_t len);
/* For a command line: an option and its value, as two words; as one ("--profile=-x")
 * when the value begins with '-', so that no parser takes it for an option. */
void words_add_option(struct strlist *words, const char *name, const char *value);
/* For a command line: operands, with "--" before them when one begins with '-'.
 * Only then: not every tool knows it. */
void words_add_operands(struct strlist *words, const char *const *texts, size_t len);
/* The items as a function takes them that changes none. */
static inline const char *const *strlist_texts(const struct strlist *words)
{
    return (const char *const *)words->items;
}
bool strlist_has(const struct strlist *words, const char *text);
/* Gives the text at this place to the caller; those behind it move up. */
char *strlist_take(struct strlist *words, size_t index);
/* By their bytes. */
void strlist_sort(struct strlist *words);
/* Of sorted ones. */
bool strlist_find(const struct strlist *words, const char *text);
/* The same texts in the same order? */
bool strlist_equal(const struct strlist *a, const struct strlist *b);
void strlist_done(struct strlist *words);

#endif
