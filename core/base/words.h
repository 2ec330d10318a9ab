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

/* Copies the text. */
void words_add(struct words *words, const char *text);
/* Takes the text. */
void words_put(struct words *words, char *takes);
void words_add_all(struct words *words, const char *const *texts, size_t len);
/* For a command line: an option and its value, as two words; as one ("--profile=-x")
 * when the value begins with '-', so that no parser takes it for an option. */
void words_add_option(struct words *words, const char *name, const char *value);
/* For a command line: operands, with "--" before them when one begins with '-'.
 * Only then: not every tool knows it. */
void words_add_operands(struct words *words, const char *const *texts, size_t len);
/* The items as a function takes them that changes none. */
static inline const char *const *words_texts(const struct words *words)
{
    return (const char *const *)words->items;
}
bool words_has(const struct words *words, const char *text);
/* Gives the text at this place to the caller; those behind it move up. */
char *words_take(struct words *words, size_t index);
/* By their bytes. */
void words_sort(struct words *words);
/* Of sorted ones. */
bool words_find(const struct words *words, const char *text);
/* The same texts in the same order? */
bool words_equal(const struct words *a, const struct words *b);
void words_done(struct words *words);

#endif
