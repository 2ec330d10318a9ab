#include "core/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        fputs("bilge: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    return or_abort(malloc(size > 0 ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return or_abort(calloc(1, size > 0 ? size : 1));
}

void *mem_realloc(void *old, size_t size)
{
    return or_abort(realloc(old, size > 0 ? size : 1));
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(len < 0 ? NULL : text);
}

void mem_reserve(void **items, size_t *cap, size_t need, size_t item_size)
{
    if (need <= *cap)
        return;
    size_t grown = *cap < 8 ? 8 : *cap * 2;
    if (grown < need)
        grown = need;
    if (grown > SIZE_MAX / item_size)
        or_abort(NULL);
    *items = mem_realloc(*items, grown * item_size);
    *cap = grown;
}

void mem_replace(char **slot, const char *text)
{
    char *copy = text != NULL ? mem_strdup(text) : NULL;
    free(*slot);
    *slot = copy;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
    mem_reserve((void **)&buf->data, &buf->cap, buf->len + len + 1, 1);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_append_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        mem_reserve((void **)&buf->data, &buf->cap, buf->len + (size_t)len + 1, 1);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

char *buf_take(struct buf *buf)
{
    buf_append(buf, "", 0);
    char *text = buf->data;
    *buf = (struct buf){0};
    return text;
}
