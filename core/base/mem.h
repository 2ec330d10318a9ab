/* Memory. Running out of it ends the program, here and nowhere else; what a
 * peer can make grow is capped by the caller, and past the cap it is an
 * ordinary error. */
#ifndef BILGE_BASE_MEM_H
#define BILGE_BASE_MEM_H

#include <stddef.h>

/* Never return NULL. The caller owns the result and frees it with free(). */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *old, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for at least `need` items of `item_size` bytes; doubles, so that
 * appending is cheap. *items and *cap belong together and start as NULL, 0. */
void mem_reserve(void **items, size_t *cap, size_t need, size_t item_size);

/* Replaces *slot (freed) by a copy of text; NULL clears it. */
void mem_replace(char **slot, const char *text);

/* A growing byte string. All zero is a valid empty one. After buf_done() it
 * is empty again. data is NUL-terminated once anything was appended. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_done(struct buf *buf);
/* Gives the text (never NULL) to the caller and leaves the buffer empty. */
char *buf_take(struct buf *buf);

#endif
