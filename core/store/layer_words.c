#include "core/store/layer_words.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/mem.h"

/* Longer descriptions are cut before they are worked on. */
#define TEXT_MAX 2000

#define SHELL "/bin/sh -c "
#define MOUNT "cached mount "
#define FROM " from exec "
#define PULLED "pulled from "
#define IMPORTED "imported sha256:"

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A Dockerfile's continued lines leave long gaps behind, a script of several
 * lines an end. */
static void append_squeezed(struct buf *buf, const char *text)
{
    size_t start = buf->len;
    bool gap = false;
    for (size_t i = 0; text[i] != '\0' && i < TEXT_MAX; i++) {
        bool blank = strchr(" \t\r\n", text[i]) != NULL;
        if (!blank && gap && buf->len > start)
            buf_append(buf, " ", 1);
        if (!blank)
            buf_append(buf, &text[i], 1);
        gap = blank;
    }
}

static void append_run(struct buf *buf, const char *command)
{
    buf_append_str(buf, "RUN ");
    append_squeezed(buf, starts_with(command, SHELL) ? command + strlen(SHELL) : command);
}

static void append_mount(struct buf *buf, const char *text)
{
    const char *from = strstr(text, FROM);
    buf_append_str(buf, "cache mount ");
    if (from == NULL) {
        append_squeezed(buf, text);
        return;
    }
    buf_append(buf, text, (size_t)(from - text));
    buf_append_str(buf, " of ");
    append_run(buf, from + strlen(FROM));
}

char *layer_words(const char *text)
{
    struct buf words = {0};
    if (text[0] == '\0' || starts_with(text, IMPORTED))
        return NULL;
    if (starts_with(text, LAYER_STEP)) {
        append_run(&words, text + strlen(LAYER_STEP));
    } else if (starts_with(text, MOUNT)) {
        append_mount(&words, text + strlen(MOUNT));
    } else if (starts_with(text, PULLED)) {
        buf_append_str(&words, "base image ");
        append_squeezed(&words, text + strlen(PULLED));
    } else {
        append_squeezed(&words, text);
    }
    return buf_take(&words);
}
