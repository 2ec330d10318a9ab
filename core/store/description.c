#include "core/store/description.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

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

char *description_of_step(const char *text)
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

#define NAME_COLUMNS 80
#define WORDS_IMPORTED "imported sha256:"

bool record_is_cache_mount(const struct record *record)
{
    return strcmp(record->type, "exec.cachemount") == 0;
}

static bool words_starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

const char *record_text(const struct store *store, const struct record *record)
{
    const char *known = words_starts_with(record->description, WORDS_IMPORTED)
                            ? store_layer_text(store, record->created_at)
                            : NULL;
    return known != NULL ? known : record->description;
}

char *record_summary(const struct store *store, const struct record *record)
{
    const char *text = record_text(store, record);
    char *words = description_of_step(text);
    if (words != NULL)
        return words;
    if (words_starts_with(text, WORDS_IMPORTED))
        return mem_printf("a step imported from a cache (%.19s)", text + strlen("imported "));
    if (strcmp(record->type, "regular") == 0)
        return mem_strdup("a layer of a base image");
    return mem_printf("a %.40s record", record->type);
}

char *record_name(const struct store *store, const struct record *record)
{
    char *words = record_summary(store, record);
    char *name = text_shorten(words, NAME_COLUMNS);
    free(words);
    return name;
}

/* As the record of that step says it, so that both come to the same words. */
char *record_step_summary(const char *instruction)
{
    struct buf description = {0};
    if (words_starts_with(instruction, "RUN ")) {
        instruction += strlen("RUN ");
        while (words_starts_with(instruction, "--")) {
            instruction += strcspn(instruction, " ");
            instruction += strspn(instruction, " ");
        }
        buf_append_str(&description, LAYER_STEP);
    }
    buf_append_str(&description, instruction);
    char *words = description_of_step(description.data);
    buf_done(&description);
    return words != NULL ? words : mem_strdup("");
}
